#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string>

#include "core/trace/compare_report.h"
#include "tests/core/trace/made_up_run.h"

using namespace fovea;
using nlohmann::json;

namespace {

CompareReport reportOfTwo() {
    CompareReport report;
    report.text = "Once upon";
    report.plans.push_back({madeUpRun(2, "dense"), {.kl = {0, 0}, .agreement = 1}, {}});
    report.plans.push_back(
        {madeUpRun(2),
         {.kl = {0.25f, 0.5f}, .klMean = 0.375, .klMax = 0.5, .agreement = 0.5, .firstDivergent = 5},
         6});
    return report;
}

// Columns of one line, quotes honoured.
std::vector<std::string> fields(const std::string& line) {
    std::vector<std::string> result(1);
    bool quoted = false;
    for (const char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            result.emplace_back();
        else
            result.back() += c;
    }
    return result;
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> result;
    for (std::size_t begin = 0, end; (end = text.find("\r\n", begin)) != text.npos; begin = end + 2)
        result.push_back(text.substr(begin, end - begin));
    return result;
}

} // namespace

TEST_CASE("The table has one row per step and plan under a header with units", "[core.trace]") {
    const auto table = lines(compareCsv(reportOfTwo()));
    REQUIRE(table.size() == 1 + 2 * 2);
    const auto header = fields(table[0]);
    const auto column = [&](const std::string& name) {
        const auto at = std::find(header.begin(), header.end(), name);
        REQUIRE(at != header.end());
        return static_cast<std::size_t>(at - header.begin());
    };
    for (const auto& line : table)
        CHECK(fields(line).size() == header.size());

    const auto row = fields(table[4]);
    CHECK(row[column("plan")] == "read=sparq:r=8,k=16");
    CHECK(row[column("position")] == "5");
    CHECK(row[column("moved formula k_copy (bytes)")] == "404");
    CHECK(row[column("moved counted total (bytes)")] == "4545");
    CHECK(row[column("held counted k (bytes)")] == "1001");
    CHECK(row[column("reserved (bytes)")] == "4096");
    CHECK(row[column("live (slots)")] == "31");
    CHECK(row[column("evicted (slots)")] == "7");
    CHECK(row[column("seconds (s)")] == "0.002");
    CHECK(row[column("KL to the first plan (nats)")] == "0.5");
}

TEST_CASE("The summary says what the command line promises", "[core.trace]") {
    const json j = json::parse(compareJson(reportOfTwo()));
    REQUIRE(j.at("plans").size() == 2);
    const json& b = j.at("plans").at(1);
    CHECK(b.at("plan") == "read=sparq:r=8,k=16");
    CHECK(b.at("bytes_moved") == 36 * (100 + 101));
    CHECK(b.at("bytes_moved_with_weights") == 45 * (100 + 101));
    CHECK(b.at("bytes_held") == 3001);
    CHECK(b.at("seconds").get<double>() == Approx(0.003));
    CHECK(b.at("kl").at("mean") == 0.375);
    CHECK(b.at("kl").at("max") == 0.5);
    CHECK(b.at("top1_agreement") == 0.5);
    CHECK(b.at("first_divergent_token") == 5);
    CHECK(b.at("free_running_first_divergent_token") == 6);
    CHECK(b.at("steps").at(1).at("kl_nats") == 0.5);
    CHECK(j.at("plans").at(0).at("first_divergent_token").is_null());
}

TEST_CASE("Traced runs are lettered in order", "[core.trace]") {
    const auto runs = tracedRuns(reportOfTwo());
    REQUIRE(runs.size() == 2);
    CHECK(runs[0].label == "A: dense");
    CHECK(runs[0].kl.empty());
    CHECK(runs[1].label == "B: read=sparq:r=8,k=16");
    CHECK(runs[1].kl.size() == 2);
}
