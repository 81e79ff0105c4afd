#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/trace/chrome_trace.h"
#include "tests/core/trace/made_up_run.h"

using namespace fovea;
using nlohmann::json;

namespace {

std::vector<json> select(const json& trace, const std::string& phase, int process,
                         const std::string& name = {}) {
    std::vector<json> events;
    for (const json& event : trace.at("traceEvents"))
        if (event.at("ph") == phase && event.at("pid") == process &&
            (name.empty() || event.at("name") == name))
            events.push_back(event);
    return events;
}

json traceOfTwo() {
    const std::vector<TracedRun> runs = {{madeUpRun(3, "dense"), "A: dense", {}},
                                         {madeUpRun(3), "B: \"sparq\"", {0.f, 0.25f, 0.5f}}};
    return json::parse(chromeTrace(runs));
}

} // namespace

TEST_CASE("Every event of a trace has what the format demands", "[core.trace]") {
    const json trace = traceOfTwo();
    REQUIRE(trace.at("traceEvents").is_array());
    for (const json& event : trace.at("traceEvents")) {
        INFO(event.dump());
        const std::string phase = event.at("ph");
        CHECK((phase == "M" || phase == "X" || phase == "C"));
        CHECK(event.at("name").is_string());
        CHECK(event.at("pid").is_number_integer());
        CHECK(event.at("args").is_object());
        if (phase != "M")
            CHECK(event.at("ts").is_number());
        if (phase == "X") {
            CHECK(event.at("dur").get<double>() >= 0);
            CHECK(event.at("tid").is_number_integer());
        }
        if (phase == "C")
            for (const json& level : event.at("args"))
                CHECK(level.is_number());
    }
}

TEST_CASE("Runs lie in processes of their own, with their names", "[core.trace]") {
    const json trace = traceOfTwo();
    CHECK(select(trace, "M", 1, "process_name").at(0).at("args").at("name") == "A: dense");
    CHECK(select(trace, "M", 2, "process_name").at(0).at("args").at("name") == "B: \"sparq\"");
    CHECK(select(trace, "M", 2, "thread_name").size() == 2);
}

TEST_CASE("Spans follow each other: prefill, then decode over its steps", "[core.trace]") {
    const json trace = traceOfTwo();
    const json prefill = select(trace, "X", 2, "prefill").at(0);
    const json decode = select(trace, "X", 2, "decode").at(0);
    CHECK(prefill.at("ts") == 0);
    CHECK(prefill.at("dur") == 250000);
    CHECK(decode.at("ts") == 250000);
    CHECK(decode.at("dur") == 1000 + 2000 + 3000);
    std::int64_t end = 250000;
    for (int i = 0; i < 3; ++i) {
        const json step = select(trace, "X", 2, "step " + std::to_string(i)).at(0);
        CHECK(step.at("ts") == end);
        CHECK(step.at("dur") == 1000 * (i + 1));
        CHECK(step.at("args").at("position") == 4 + i);
        end += step.at("dur").get<std::int64_t>();
    }
}

TEST_CASE("Counters carry their unit in the name and the run's own numbers", "[core.trace]") {
    const json trace = traceOfTwo();
    const auto held = select(trace, "C", 1, "KV held (bytes)");
    REQUIRE(held.size() == 3);
    CHECK(held[2].at("args").at("value") == 1002 + 2000);

    const auto moved = select(trace, "C", 1, "moved counted (bytes)");
    REQUIRE(moved.size() == 4); // and back to rest
    CHECK(moved[1].at("args").at("value") == 101 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8));
    CHECK(moved[3].at("args").at("value") == 0);

    // 28 units of 101 bytes in 2 ms
    const auto bandwidth = select(trace, "C", 1, "bandwidth (GB/s)");
    CHECK(bandwidth.at(1).at("args").at("value").get<double>() == Approx(45 * 101 / 0.002 / 1e9));

    const auto parts = select(trace, "C", 1, "moved counted by part (bytes)");
    CHECK(parts.at(1).at("args").at("k_copy") == 404);
    CHECK_FALSE(parts.at(1).at("args").contains("weights"));

    CHECK(select(trace, "C", 1, "KL to the first plan (nats)").empty());
    CHECK(select(trace, "C", 2, "KL to the first plan (nats)").at(2).at("args").at("value") == 0.5);
}

TEST_CASE("A trace of nothing, and of a run without steps, is still a trace", "[core.trace]") {
    CHECK(json::parse(chromeTrace({})).at("traceEvents").empty());
    const std::vector<TracedRun> runs = {{madeUpRun(0), "\xff not UTF-8", {}}};
    const json trace = json::parse(chromeTrace(runs));
    CHECK(select(trace, "X", 1, "decode").at(0).at("dur") == 0);
}
