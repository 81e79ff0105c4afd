#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <limits>

#include "core/trace/run_json.h"
#include "tests/core/trace/made_up_run.h"

using namespace fovea;
using nlohmann::json;

TEST_CASE("A run's JSON keeps the command line's contract", "[core.trace]") {
    const auto run = madeUpRun(3);
    const json j = json::parse(runJson(*run, "Once upon a"));
    CHECK(j.at("text") == "Once upon a");
    CHECK(j.at("tokens") == json(run->tokens));
    CHECK(j.at("plan") == "read=sparq:r=8,k=16");
    REQUIRE(j.at("steps").size() == 3);
    const json& step = j.at("steps").at(1);
    CHECK(step.at("token") == 21);
    CHECK(step.at("position") == 5);
    CHECK(step.at("fed") == 20);
    CHECK(step.at("planned") == false);
    CHECK(j.at("steps").at(2).at("planned") == true);
    CHECK(step.at("bytes").at("formula").at("k") == 101);
    CHECK(step.at("bytes").at("counted").at("weights") == 909);
    CHECK(step.at("bytes").at("counted").size() == kComponents);
    CHECK(step.at("held").at("formula") == 3001);
    CHECK(step.at("held").at("counted") == 3001);
    CHECK(step.at("held").at("reserved") == 4096);
    CHECK(step.at("held").at("reserved").is_number_integer());
    CHECK(step.at("seconds") == 0.002);
}

TEST_CASE("Totals are the sums of the steps", "[core.trace]") {
    const json totals = json::parse(runJson(*madeUpRun(3), "")).at("totals");
    CHECK(totals.at("steps") == 3);
    CHECK(totals.at("planned_steps") == 1);
    CHECK(totals.at("prompt_tokens") == 5);
    CHECK(totals.at("bytes").at("counted").at("v") == 2 * (100 + 101 + 102));
    CHECK(totals.at("held").at("counted") == 3002);
    CHECK(totals.at("seconds").get<double>() == Approx(0.006));
    CHECK(totals.at("tokens_per_second").get<double>() == Approx(500));
    CHECK(json::parse(runJson(*madeUpRun(0), "")).at("totals").at("tokens_per_second") == 0);
}

TEST_CASE("JSON is UTF-8 and one line whatever the model says", "[core.trace]") {
    auto run = std::make_shared<Run>(*madeUpRun(1));
    run->steps[0].surprise = std::numeric_limits<float>::infinity();
    const std::string text = runJson(*run, "caf\xc3 \"\n\x01");
    CHECK(text.find('\n') == text.size() - 1);
    const json j = json::parse(text); // throws on anything that is not UTF-8
    CHECK(j.at("text") == "caf\xef\xbf\xbd \"\n\x01");
    CHECK(j.at("steps").at(0).at("surprise_nats").is_null());
}
