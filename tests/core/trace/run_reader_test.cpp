// What is written of a run is read back; what was not written by Fovea is refused in one line.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "core/trace/run_json.h"
#include "tests/core/trace/made_up_run.h"

using namespace fovea;
using nlohmann::json;

namespace {

std::shared_ptr<Run> whole(int steps, const char* plan = "read=sparq:r=8,k=16") {
    auto run = std::make_shared<Run>(*madeUpRun(steps, plan));
    ModelSpec& spec = run->spec;
    spec.architecture = "llama";
    spec.layers = 3;
    spec.width = 64;
    spec.queryHeads = 4;
    spec.kvHeads = 2;
    spec.headDim = 16;
    spec.ffn = 128;
    spec.vocabulary = 5000;
    spec.context = 512;
    spec.type = ElementType::BF16;
    spec.parameters = 12345;
    spec.weightBytes = 24690;
    return run;
}

RunFile pairOf(int steps) {
    RunFile file;
    file.runs = {whole(steps, "dense"), whole(steps, "keep=streaming:sinks=4,window=60 store=bf16")};
    for (std::size_t i = 0; i < file.runs[0]->tokens.size(); ++i)
        file.pieces.push_back(" p" + std::to_string(i));
    Comparison comparison;
    for (int i = 0; i < steps; ++i)
        comparison.kl.push_back(0.1f * static_cast<float>(i));
    comparison.klMean = 0.25;
    comparison.klMax = std::numeric_limits<double>::infinity();
    comparison.agreement = 1.0 / 3;
    comparison.firstDivergent = 5;
    file.comparison = comparison;
    return file;
}

void expectSame(const Run& a, const Run& b) {
    CHECK(a.spec.name == b.spec.name);
    CHECK(a.spec.architecture == b.spec.architecture);
    CHECK(a.spec.layers == b.spec.layers);
    CHECK(a.spec.width == b.spec.width);
    CHECK(a.spec.queryHeads == b.spec.queryHeads);
    CHECK(a.spec.kvHeads == b.spec.kvHeads);
    CHECK(a.spec.headDim == b.spec.headDim);
    CHECK(a.spec.ffn == b.spec.ffn);
    CHECK(a.spec.vocabulary == b.spec.vocabulary);
    CHECK(a.spec.context == b.spec.context);
    CHECK(a.spec.type == b.spec.type);
    CHECK(a.spec.parameters == b.spec.parameters);
    CHECK(a.spec.weightBytes == b.spec.weightBytes);
    CHECK(a.plan == b.plan);
    CHECK(a.prompt == b.prompt);
    CHECK(a.tokens == b.tokens);
    CHECK(a.promptTokens == b.promptTokens);
    CHECK(a.decodeFrom == b.decodeFrom);
    CHECK(a.backend == b.backend);
    CHECK(a.threads == b.threads);
    CHECK(a.prefillSeconds == b.prefillSeconds);
    CHECK(a.promptEvicted == b.promptEvicted);
    REQUIRE(a.steps.size() == b.steps.size());
    for (std::size_t i = 0; i < a.steps.size(); ++i) {
        const StepRecord &x = a.steps[i], &y = b.steps[i];
        CHECK(x.position == y.position);
        CHECK(x.fed == y.fed);
        CHECK(x.token == y.token);
        CHECK(x.planned == y.planned);
        CHECK(x.formula == y.formula);
        CHECK(x.counted == y.counted);
        CHECK(x.held.formula == y.held.formula);
        CHECK(x.held.counted == y.held.counted);
        CHECK(x.held.reserved == y.held.reserved);
        CHECK(x.held.onDevice == y.held.onDevice);
        CHECK(x.liveSlots == y.liveSlots);
        CHECK(x.evicted == y.evicted);
        CHECK(x.seconds == y.seconds);
        CHECK(x.attentionSeconds == y.attentionSeconds);
        CHECK(x.surprise == y.surprise);
    }
}

std::string refusalOf(const std::string& text) {
    try {
        readRunFile(text, "here.json");
    } catch (const RunFileError& error) {
        const std::string line = error.what();
        CHECK(line.starts_with("here.json: "));
        CHECK(line.find('\n') == std::string::npos);
        return line;
    }
    return "accepted";
}

} // namespace

TEST_CASE("A file from before pages had bounds is read as one in which there were none", "[core.trace]") {
    RunFile file = pairOf(3);
    for (auto& shared : file.runs) {
        auto run = std::make_shared<Run>(*shared);
        for (StepRecord& step : run->steps)
            step.formula[Component::Bounds] = step.counted[Component::Bounds] = 0;
        shared = run;
    }
    json old = json::parse(runFileJson(file));
    for (json& run : old["runs"])
        for (json& step : run["steps"])
            for (json* parts : {&step["bytes"], &step["held"]["components"]})
                for (const char* kind : {"formula", "counted"})
                    REQUIRE((*parts)[kind].erase("bounds") == 1);
    const RunFile read = readRunFile(old.dump());
    for (std::size_t i = 0; i < 2; ++i)
        expectSame(*read.runs[i], *file.runs[i]);
    // Any other component is missed.
    old["runs"][0]["steps"][1]["bytes"]["counted"].erase("mean");
    CHECK(refusalOf(old.dump()).find("mean") != std::string::npos);
}

TEST_CASE("A pair of runs is read back as it was written", "[core.trace]") {
    for (const int steps : {0, 1, 7}) {
        RunFile file = pairOf(steps);
        if (steps > 1) {
            auto a = std::make_shared<Run>(*file.runs[0]);
            a->steps[1].surprise = std::numeric_limits<float>::infinity();
            a->steps[1].seconds = 0.1 + 0.2;
            a->prompt = "quotes \" and\nlines \\ and \xC3\xA4";
            file.runs[0] = a;
        }
        const RunFile read = readRunFile(runFileJson(file));
        REQUIRE(read.runs.size() == 2);
        expectSame(*read.runs[0], *file.runs[0]);
        expectSame(*read.runs[1], *file.runs[1]);
        CHECK(read.pieces == file.pieces);
        REQUIRE(read.comparison);
        CHECK(read.comparison->kl == file.comparison->kl);
        CHECK(read.comparison->klMean == file.comparison->klMean);
        CHECK(read.comparison->klMax == file.comparison->klMax);
        CHECK(read.comparison->agreement == file.comparison->agreement);
        CHECK(read.comparison->firstDivergent == file.comparison->firstDivergent);
        CHECK(runFileJson(read) == runFileJson(file));
    }
}

TEST_CASE("What the command line prints of one run is a file of runs too", "[core.trace]") {
    const auto run = whole(4);
    const RunFile read = readRunFile(runJson(*run, "Once upon a time"));
    REQUIRE(read.runs.size() == 1);
    expectSame(*read.runs[0], *run);
    CHECK(read.pieces.empty());
    CHECK_FALSE(read.comparison);
}

TEST_CASE("A run that was stopped is shorter than the one it follows, never another", "[core.trace]") {
    RunFile file = pairOf(5);
    auto b = std::make_shared<Run>(*file.runs[1]);
    b->tokens.pop_back();
    b->steps.pop_back();
    file.runs[1] = b;
    file.comparison = std::nullopt;
    CHECK(readRunFile(runFileJson(file)).runs[1]->steps.size() == 4);
    b = std::make_shared<Run>(*b);
    b->tokens.back() += 1;
    b->steps.back().token += 1;
    file.runs[1] = b;
    CHECK(refusalOf(runFileJson(file)).find("not of the same tokens") != std::string::npos);
}

TEST_CASE("A run's file that lies is refused by the name of the field", "[core.trace]") {
    const json good = json::parse(runFileJson(pairOf(3)));
    REQUIRE_NOTHROW(readRunFile(good.dump()));
    struct Lie {
        const char* names; // what the line must name
        std::function<void(json&)> tell;
    };
    const Lie lies[] = {
        {"format", [](json& j) { j["format"] = "something"; }},
        {"format", [](json& j) { j.erase("format"); }},
        {"version", [](json& j) { j["version"] = 2; }},
        {"version", [](json& j) { j["version"] = "1"; }},
        {"runs", [](json& j) { j["runs"] = json::array(); }},
        {"runs", [](json& j) { j["runs"].push_back(j["runs"][0]); }},
        {"runs", [](json& j) { j["runs"][0] = 7; }},
        {"tokens", [](json& j) { j["runs"][0]["tokens"][2] = 5000; }},
        {"tokens", [](json& j) { j["runs"][0]["tokens"][2] = -1; }},
        {"tokens", [](json& j) { j["runs"][0]["tokens"][2] = 1.5; }},
        {"tokens", [](json& j) { j["runs"][0]["tokens"] = "1 2 3"; }},
        {"prompt_tokens", [](json& j) { j["runs"][0]["prompt_tokens"] = 9; }},
        {"decode_from", [](json& j) { j["runs"][0]["decode_from"] = std::uint64_t{1} << 63; }},
        {"threads", [](json& j) { j["runs"][0]["threads"] = 0; }},
        {"plan", [](json& j) { j["runs"][0]["plan"] = "read=sparkle"; }},
        {"plan", [](json& j) { j["runs"][0]["plan"] = std::string(5000, 'x'); }},
        {"shape", [](json& j) { j["runs"][0].erase("shape"); }},
        {"shape", [](json& j) { j["runs"][0]["shape"]["kv_heads"] = 3; }},
        {"layers", [](json& j) { j["runs"][0]["shape"]["layers"] = 0; }},
        {"type", [](json& j) { j["runs"][0]["shape"]["type"] = "f64"; }},
        {"steps", [](json& j) { j["runs"][0]["steps"][1]["position"] = 7; }},
        {"steps", [](json& j) { j["runs"][0]["steps"].erase(1); }},
        {"steps", [](json& j) { j["runs"][0]["steps"][0]["fed"] = 14; }},
        {"token", [](json& j) { j["runs"][0]["steps"][2]["token"] = 99999; }},
        {"steps",
         [](json& j) {
             for (int i = 0; i < 20; ++i)
                 j["runs"][0]["steps"].push_back(j["runs"][0]["steps"][0]);
         }},
        {"planned", [](json& j) { j["runs"][0]["steps"][0]["planned"] = 1; }},
        {"seconds", [](json& j) { j["runs"][0]["steps"][0]["seconds"] = -1; }},
        {"seconds", [](json& j) { j["runs"][0]["steps"][0]["seconds"] = nullptr; }},
        {"k_copy", [](json& j) { j["runs"][0]["steps"][0]["bytes"]["counted"]["k_copy"] = -1; }},
        {"k", [](json& j) { j["runs"][0]["steps"][0]["bytes"]["formula"]["k"] = std::int64_t{1} << 60; }},
        {"v", [](json& j) { j["runs"][0]["steps"][0]["bytes"]["formula"].erase("v"); }},
        {"components", [](json& j) { j["runs"][0]["steps"][0]["held"]["counted"] = 17; }},
        {"pieces", [](json& j) { j["pieces"].erase(0); }},
        {"pieces", [](json& j) { j["pieces"][0] = 1; }},
        {"kl_nats", [](json& j) { j["comparison"]["kl_nats"] = std::vector<float>(100, 0.f); }},
        {"kl_nats", [](json& j) { j["comparison"]["kl_nats"][0] = "much"; }},
        {"agreement", [](json& j) { j["comparison"]["agreement"] = 1.5; }},
        {"first_divergent", [](json& j) { j["comparison"].erase("first_divergent"); }},
        {"comparison", [](json& j) { j["runs"].erase(1); }},
    };
    for (const Lie& lie : lies) {
        json bad = good;
        lie.tell(bad);
        const std::string line = refusalOf(bad.dump());
        INFO(lie.names << " in: " << line);
        CHECK(line.find('"' + std::string(lie.names) + '"') != std::string::npos);
    }
}

TEST_CASE("What is no JSON, or far too deep, or of impossible numbers, is refused", "[core.trace]") {
    CHECK(refusalOf("") != "accepted");
    CHECK(refusalOf("{") != "accepted");
    CHECK(refusalOf("[]") != "accepted");
    CHECK(refusalOf("null") != "accepted");
    CHECK(refusalOf("\xff\xfe") != "accepted");
    CHECK(refusalOf(std::string(2'000'000, '[')).find("deep") != std::string::npos);
    std::string deep;
    for (int i = 0; i < 100'000; ++i)
        deep += "{\"runs\":";
    CHECK(refusalOf(deep).find("deep") != std::string::npos);
    CHECK(refusalOf("{\"format\":\"fovea-run\",\"version\":1e999}").find("too large") != std::string::npos);
}

TEST_CASE("A damaged file is read or refused, nothing else", "[core.trace]") {
    const std::string good = runFileJson(pairOf(2));
    std::mt19937 random(11);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const std::string_view likely = "0123456789-+.eE\"\\{}[]:,ntf \x01\xff";
    int refused = 0;
    for (int i = 0; i < 3000; ++i) {
        std::string bad = good;
        for (std::size_t times = 1 + below(3); times > 0; --times) {
            const std::size_t at = below(bad.size());
            switch (below(4)) {
            case 0:
                bad[at] = likely[below(likely.size())];
                break;
            case 1:
                bad.erase(at, 1 + below(40));
                break;
            case 2:
                bad.insert(at, bad.substr(below(bad.size()), below(60)));
                break;
            default:
                bad.resize(at + 1);
            }
        }
        try {
            readRunFile(bad);
        } catch (const RunFileError& error) {
            ++refused;
            REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
        }
    }
    CHECK(refused > 2000);
}
