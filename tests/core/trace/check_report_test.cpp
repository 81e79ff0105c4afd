#include "core/trace/check_report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

#include "core/trace/evaluation_report.h"

using namespace fovea;
using nlohmann::json;

namespace {

CheckReport someReport() {
    CheckReport report;
    report.model = "tiny";
    report.backends[0] = "reference";
    report.backends[1] = "cpu";
    report.plan = parsePlan("read=sparq:r=4,k=8");
    report.store = "f32";
    report.tolerance = 1e-4;
    report.promptTokens = report.decodeFrom = 7;
    report.queryHeads = 2;
    report.kvHeads = 1;
    report.parts.resize(kCheckedParts);
    CheckStep step;
    step.position = 6;
    step.fed = 3;
    step.chosen[0] = step.chosen[1] = 11;
    for (int layer = 0; layer < 2; ++layer) {
        Deviation d;
        d.relative = layer == 1 ? std::numeric_limits<double>::infinity() : 3e-7;
        d.absolute = d.relative;
        d.step = 0;
        d.layer = layer;
        d.head = layer;
        d.component = 5;
        d.first = 1;
        d.second = layer == 1 ? std::numeric_limits<float>::quiet_NaN() : 1;
        step.layers.push_back(d);
        report.heads.push_back(d);
        report.heads.push_back({});
    }
    step.logits.part = CheckedPart::Logits;
    step.logits.step = 0;
    step.logits.component = 42;
    report.steps.push_back(step);
    report.largest = step.layers[1];
    report.firstBeyond = step.layers[1];
    report.agreeing = 1;
    return report;
}

} // namespace

TEST_CASE("A check's JSON holds every step, layer and head, and infinities as null", "[core.trace]") {
    const json j = json::parse(checkJson({someReport()}));
    const json& plan = j.at("plans").at(0);
    CHECK(plan.at("plan") == "read=sparq:r=4,k=8");
    CHECK(plan.at("within") == false);
    CHECK(plan.at("first_beyond").at("layer") == 1);
    CHECK(plan.at("first_beyond").at("head") == 1);
    CHECK(plan.at("first_beyond").at("component") == 5);
    CHECK(plan.at("first_beyond").at("position") == 6);
    CHECK(plan.at("first_beyond").at("relative").is_null());
    CHECK(plan.at("first_beyond").at("values")[1].is_null());
    CHECK(plan.at("heads").size() == 4);
    CHECK(plan.at("heads")[1].is_null()); // nothing was compared there
    CHECK(plan.at("steps").at(0).at("attention_by_layer").at(0).at("relative") == 3e-7);
    CHECK_FALSE(plan.at("steps").at(0).at("logits").contains("layer"));
}

TEST_CASE("A check's CSV has a row per step and layer, and one for the logits", "[core.trace]") {
    const std::string csv = checkCsv(someReport());
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 3);
    CHECK(csv.find("\r\n0,6,3,attention,0,0,5,3e-07,3e-07,1,1\r\n") != csv.npos);
    CHECK(csv.find("\r\n0,6,3,logits,,,42,0,0,0,0\r\n") != csv.npos);
}

TEST_CASE("Places and errors are told in words", "[core.trace]") {
    const CheckReport report = someReport();
    CHECK(placeText(report.largest, report) == "attention of layer 1, head 1, component 5, at position 6");
    CHECK(placeText(report.steps[0].logits, report) == "logits of token 42, at position 6");
    CHECK(errorText(0) == "0");
    CHECK(errorText(3.14e-6) == "3.1e-6");
    CHECK(errorText(std::numeric_limits<double>::infinity()) == "∞");
}

TEST_CASE("A score has as many digits as its spread leaves meaning", "[core.trace]") {
    CHECK(scoreText({0.936, 0.0121}, 8) == "0.936 ± 0.012");
    CHECK(scoreText({1, 0}, 2) == "1.0000 ± 0.0000");
    CHECK(scoreText({229.4, 12.3}, 8) == "229 ± 12");
    CHECK(columnsOf(scoreText({229.4, 12.3}, 8)) == 8);
}

TEST_CASE("One sample has no standard error: no table, file or sentence claims one of 0", "[core.trace]") {
    CHECK(scoreText({0.936, 0}, 1) == "0.9360");
    CHECK(columnsOf(scoreText({0.936, 0}, 1)) == 6);
    SweepTable table;
    table.arguments.samples = 1;
    table.arguments.metric = "accuracy";
    SweepRow dense;
    dense.plan = dense.method = "dense";
    dense.score = {0.9, 0};
    dense.parts = {{"up to 64 tokens back", 4, {0.75, 0}, {}}};
    dense.moved = dense.held = {100, 100};
    table.rows = {dense};
    const std::string text = sweepText(table);
    CHECK(text.find("±") == text.npos);
    CHECK(text.find("one sample") != text.npos);
    const auto plan = json::parse(sweepJson(table)).at("plans").at(0);
    CHECK(plan.at("standard_error").is_null());
    CHECK(plan.at("change_standard_error").is_null());
    CHECK(plan.at("parts").at(0).at("standard_error").is_null());
    const std::string csv = sweepCsv(table);
    CHECK(csv.find(",dense,dense,,0.9,,0,,100,") != csv.npos);
    CHECK(readSweepCsv(csv).rows.at(0).score.standardError == 0);
    table.arguments.samples = 2;
    CHECK(sweepText(table).find("0.9000 ± 0.0000") != text.npos);
    CHECK(sweepCsv(table).find(",dense,dense,,0.9,0,0,0,100,") != csv.npos);
}
