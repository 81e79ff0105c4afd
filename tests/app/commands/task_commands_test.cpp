// eval and sweep, as a user would start them.
#include <catch2/catch.hpp>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

struct Fixture {
    TemporaryFolder folder;
    std::string model = writeMadeUpModel(folder.path(), true, 256).string();
    std::string text = (folder / "text.txt").string();

    Fixture() {
        std::string content;
        for (int i = 0; i < 60; ++i)
            content +=
                "HE CAME AT " + std::to_string(i * 7919 % 101) + " AND WENT TO THE TREE BY THE RIVER. ";
        putContent(text, content);
    }
    std::vector<std::string> with(const char* verb, std::vector<std::string> more) const {
        std::vector<std::string> all = {verb,   "--model",  model, "--text",    text, "--task",
                                        "text", "--length", "48",  "--samples", "2"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

std::vector<std::string> linesOf(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t from = 0;
    for (auto at = text.find('\n'); at != text.npos; from = at + 1, at = text.find('\n', from))
        lines.push_back(text.substr(from, at - from));
    return lines;
}

} // namespace

TEST_CASE("eval judges plans beside dense, bytes by formula as counted", "[app.commands]") {
    const Fixture f;
    for (const char* task : {"text", "recall", "repetition"}) {
        INFO(task);
        auto arguments =
            f.with("eval", {"--plan", "keep=streaming:sinks=1,window=8", "--plan", "dense", "--json"});
        arguments[6] = task;
        arguments[8] = "200";
        if (std::string(task) == "recall")
            arguments.insert(arguments.end(), {"--pairs", "4"});
        const ProcessResult r = fovea::fovea(arguments);
        INFO(r.err);
        REQUIRE(r.status == 0);
        CHECK(r.err.empty());
        const json j = json::parse(r.out);
        CHECK(j.at("task") == task);
        CHECK_FALSE(j.at("figures").get<std::string>().empty());
        REQUIRE(j.at("plans").size() == 2);
        CHECK(j["plans"][0].at("plan") == "dense");
        CHECK(j["plans"][0].at("kl").at("max") == 0);
        const json& streaming = j["plans"][1];
        CHECK(streaming.at("samples").size() == 2);
        CHECK(streaming.at("moved_per_token").at("formula") == streaming.at("moved_per_token").at("counted"));
        CHECK(streaming.at("held").at("of_dense").get<double>() < 0.5);
        CHECK(streaming.at("kl").at("mean").get<double>() > 0);
    }
}

TEST_CASE("eval prints a table for people", "[app.commands]") {
    const Fixture f;
    const ProcessResult r = fovea::fovea(f.with("eval", {"--plan", "read=sparq:r=2,k=4"}));
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.out.starts_with("text: bits per character (lower is better), windows of 48 tokens"));
    CHECK(r.out.find("\nread=sparq:r=2,k=4") != r.out.npos);
    CHECK(r.out.find("±") != r.out.npos);
}

TEST_CASE("Tasks that cannot be run are refused with one line, exit 2", "[app.commands]") {
    const Fixture f;
    const std::vector<std::vector<std::string>> cases = {
        {"eval", "--model", f.model},
        {"eval", "--model", f.model, "--task", "needle"},
        {"eval", "--model", f.model, "--task", "text", "--length", "300"},
        {"eval", "--model", f.model, "--task", "recall", "--length", "20", "--pairs", "16"},
        {"eval", "--model", f.model, "--task", "text", "--text", (f.folder / "none.txt").string()},
        {"eval", "--model", f.model, "--task", "text", "--samples", "0"},
        {"eval", "--model", f.model, "--task", "text", "--length", "48", "--prompt-tokens", "9"},
        {"eval", "--model", f.model, "--task", "text", "--length", "48", "--plan", "read=sparq:r=9"},
        {"eval", "--model", f.model, "--task", "text", "--length", "48", "--plan", "read=sparq:r={2,4}"},
        {"sweep", "--model", f.model, "--task", "text", "--length", "48"},
        {"sweep", "--model", f.model, "--task", "text", "--length", "48", "--plan", "read=sparq:r={2,4"},
    };
    for (const auto& arguments : cases) {
        INFO(arguments[0] << " " << arguments.back());
        const ProcessResult r = fovea::fovea(arguments);
        CHECK(r.status == 2);
        CHECK(isOneErrorLine(r.err));
        CHECK(r.out.empty());
    }
}

TEST_CASE("sweep expands braces, skips what is refused and writes a table and a picture", "[app.commands]") {
    const Fixture f;
    const std::string out = (f.folder / "new/sweep.csv").string();
    const std::vector<std::string> more = {"--plan", "read=sparq:r={2,4,9},k={4,8}", "--out", out};
    const ProcessResult r = fovea::fovea(f.with("sweep", more));
    INFO(r.err);
    REQUIRE(r.status == 0);
    const std::string csv = contentOf(out);
    const auto lines = linesOf(csv);
    REQUIRE(lines.size() == 1 + 1 + 6);
    CHECK(lines[1].find(",dense,") != lines[1].npos);
    CHECK(r.err.find("fovea: skipped read=sparq:r=9,k=4: ") != r.err.npos);
    CHECK(r.out.find("\nread=sparq:r=4,k=8") != r.out.npos);
    // The picture, or one line that says what it needs.
    if (r.err.find("needs a build with the window") == r.err.npos) {
        const std::string svg = contentOf((f.folder / "new/sweep.svg").string());
        CHECK(svg.find("<svg") != svg.npos);
        CHECK(svg.find("Bits per character") != svg.npos);
    }

    SECTION("A second run changes nothing") {
        CHECK(fovea::fovea(f.with("sweep", more)).status == 0);
        CHECK(contentOf(out) == csv);
    }
    SECTION("A table that was cut short is gone on with, and only what is missing is run") {
        std::string cut;
        for (int i = 0; i < 4; ++i)
            cut += lines[static_cast<std::size_t>(i)] + "\n";
        putContent(out, cut);
        REQUIRE(fovea::fovea(f.with("sweep", more)).status == 0);
        const auto again = linesOf(contentOf(out));
        REQUIRE(again.size() == lines.size());
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(again[i] == lines[i]); // with its seconds
        // The rest but its seconds, which are the last column.
        for (std::size_t i = 4; i < lines.size(); ++i)
            CHECK(again[i].substr(0, again[i].rfind(',')) == lines[i].substr(0, lines[i].rfind(',')));
    }
    SECTION("Other arguments are said to be other") {
        auto other = f.with("sweep", more);
        other.insert(other.end(), {"--seed", "2"});
        const ProcessResult refused = fovea::fovea(other);
        CHECK(refused.status == 2);
        CHECK(isOneErrorLine(refused.err));
        CHECK(refused.err.find("seed is \"1\" there and \"2\" here") != refused.err.npos);
        CHECK(contentOf(out) == csv);
    }
    SECTION("A file that is no sweep's is left as it is") {
        putContent(out, "a,b\n1,2\n");
        const ProcessResult refused = fovea::fovea(f.with("sweep", more));
        CHECK(refused.status == 2);
        CHECK(isOneErrorLine(refused.err));
        CHECK(contentOf(out) == "a,b\n1,2\n");
    }
}

TEST_CASE("sweep without a file prints its table", "[app.commands]") {
    const Fixture f;
    const ProcessResult r = fovea::fovea(f.with("sweep", {"--plan", "store={f16,bf16}"}));
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.err.empty());
    CHECK(linesOf(r.out).size() == 1 + 3);
    const ProcessResult asJson = fovea::fovea(f.with("sweep", {"--plan", "store={f16,bf16}", "--json"}));
    CHECK(json::parse(asJson.out).at("plans").size() == 3);
}
