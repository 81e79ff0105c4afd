// keep=moa as text and as the files that its authors publish.

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "core/plan/moa_file.h"
#include "core/plan/moa_text.h"

using namespace fovea;

namespace {

struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("fovea moa, plans " + std::to_string(std::random_device()()));
    Folder() { std::filesystem::create_directory(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path write(const std::string& name, const std::string& bytes) const {
        std::ofstream(path / name, std::ios::binary) << bytes;
        return path / name;
    }
};

MoaParams moa(std::string_view text) {
    return std::get<MoaParams>(parsePlan(text).keep);
}

std::string refusalOf(std::string_view json) {
    try {
        readMoaPlan(json, "plan.json");
    } catch (const PlanError& error) {
        const std::string message = error.what();
        CHECK(message.find("'plan.json': ") == 0);
        CHECK(std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < 0x20; }));
        CHECK(message.size() < 300);
        return message;
    }
    FAIL("it was taken for a plan: " << json);
    return {};
}

MoaSpans randomSpans(std::mt19937& random) {
    const auto upTo = [&](int n) { return std::uniform_int_distribution<int>(0, n)(random); };
    MoaSpans spans{.layers = 1 + upTo(4), .heads = 1 + upTo(5), .spans = {}};
    for (int i = 0; i < spans.layers * spans.heads; ++i)
        spans.spans.push_back(
            {upTo(2) ? 1024.0 * (upTo(10) - 2) : std::ldexp(upTo(1000) - 500, upTo(40) - 30),
             upTo(2) ? upTo(8) / 8.0 : std::ldexp(upTo(1000), -10 - upTo(30))});
    return spans;
}

} // namespace

TEST_CASE("Every switch of keep=moa is read, and defaults are left out", "[core.plan]") {
    const MoaParams p = moa("keep=moa:alpha=-1024.5,beta=0.125,sinks=4,block=16,min=32,length=8192");
    CHECK(p.all == MoaSpan{-1024.5, 0.125});
    CHECK(p.sinks == 4);
    CHECK(p.block == 16);
    CHECK(p.minimum == 32);
    CHECK(p.length == 8192);
    CHECK(moa("keep=moa") == MoaParams{});
    CHECK(toText(parsePlan("keep=moa:alpha=0,beta=0.5,sinks=64,block=64,min=128,length=grows")) ==
          "keep=moa");
    CHECK(toText(parsePlan("read=sparq keep=moa:beta=1,alpha=1e3")) ==
          "keep=moa:alpha=1000,beta=1 read=sparq");
}

TEST_CASE("Spans come back from their text, whoever holds them", "[core.plan]") {
    std::mt19937 random(3);
    for (int trial = 0; trial < 500; ++trial) {
        AttentionPlan plan;
        MoaParams params;
        params.spans = std::make_shared<const MoaSpans>(randomSpans(random));
        params.block = 1 + trial % 70;
        plan.keep = params;
        const std::string text = toText(plan);
        INFO(text);
        REQUIRE(parsePlan(text) == plan);
        REQUIRE(toText(parsePlan(text)) == text);
    }
    const MoaParams p = moa("keep=moa:spans=2x3/1024+0.25N*2/0+1N/0+0.5N*3");
    REQUIRE(p.spans);
    CHECK(p.of(0, 1) == MoaSpan{1024, 0.25});
    CHECK(p.of(0, 2) == MoaSpan{0, 1});
    CHECK(p.of(1, 0) == MoaSpan{0, 0.5});
    AttentionPlan plan;
    plan.keep = p;
    CHECK(toTitle(plan) == "keep=moa:spans=2x3");
}

TEST_CASE("A plan that names a file holds its spans, says the file's name, and can do without",
          "[core.plan]") {
    const Folder folder;
    std::mt19937 random(9);
    const MoaSpans spans = randomSpans(random);
    const auto file = folder.path / "a \"best\" plan.json"; // blanks, a comma in the folder, and quotes
    writeMoaFile(file, spans);
    CHECK(readMoaFile(file) == spans);

    std::string name;
    for (const char c : file.string())
        name += c == '"' ? "\"\"" : std::string(1, c);
    const AttentionPlan plan = parsePlan("keep=moa:file=\"" + name + "\",min=64 read=sparq:k=9");
    CHECK(*std::get<MoaParams>(plan.keep).spans == spans);
    CHECK(std::get<MoaParams>(plan.keep).file == file.string());
    const std::string text = toText(plan);
    CHECK(text.find("best") != text.npos);
    CHECK(parsePlan(text) == plan);
    CHECK(toText(parsePlan(text)) == text);

    const std::string whole = toText(plan, SpansText::Whole);
    CHECK(whole.find("best") == whole.npos);
    std::filesystem::remove(file);
    CHECK(parsePlan(whole) == plan);
    CHECK_THROWS_AS(parsePlan(text), PlanError);
}

TEST_CASE("A plan file that is none is refused in one line", "[core.plan]") {
    const auto [json, named] = GENERATE(table<const char*, const char*>({
        {"", "no JSON at byte"},
        {"{", "no JSON at byte"},
        {"[1]", "a list"},
        {"7", "a number"},
        {"null", "null"},
        {"{}", "no \"alphas\""},
        {R"({"alphas": [[0]]})", "no \"betas\""},
        {R"({"alphas": [], "betas": []})", "no number in \"alphas\""},
        {R"({"alphas": [[]], "betas": [[]]})", "no number in \"alphas\""},
        {R"({"alphas": [0], "betas": [[0]]})", "a number"},
        {R"({"alphas": [[[0]]], "betas": [[0]]})", "a list"},
        {R"({"alphas": [[0], [0, 0]], "betas": [[0], [0]]})", "layers of 1 and of 2 heads"},
        {R"({"alphas": [[0]], "betas": [[0, 1]]})",
         "1 layers of 1 heads and \"betas\" of 1 layers of 2 heads"},
        {R"({"alphas": [[0]], "betas": [[0], [0]]})", "\"betas\" of 2 layers"},
        {R"({"alphas": [["0"]], "betas": [[0]]})", "a text"},
        {R"({"alphas": [[true]], "betas": [[0]]})", "a truth value"},
        {R"({"alphas": [[{}]], "betas": [[0]]})", "an object"},
        {R"({"alphas": [[0]], "betas": [[1.01]]})", "layer 0, head 0"},
        {R"({"alphas": [[0]], "betas": [[-0.01]]})", "layer 0, head 0"},
        {R"({"alphas": [[0, 1], [0, 1e10]], "betas": [[0, 0], [0, 0]]})", "layer 1, head 1"},
        {R"({"alphas": [[1e999]], "betas": [[0]]})", "too large"},
        {R"({"alphas": [[0]], "betas": [[0]], "alphas": [[0]]})", "twice"},
        {R"({"alphas": [[0]], "betas": [[0]], "gammas": 1})", "'gammas'"},
        {"{\"al\\u001b[2Jphas\": 1}", "which no plan has"},
    }));
    INFO(json);
    CHECK(refusalOf(json).find(named) != std::string::npos);
}

TEST_CASE("A plan file larger than any model is refused as it is read", "[core.plan]") {
    std::string layers = R"({"alphas": [)";
    for (int i = 0; i < 1100; ++i)
        layers += i == 0 ? "[0]" : ",[0]";
    CHECK(refusalOf(layers + "]}").find("more than 1024 layers") != std::string::npos);
    std::string heads = R"({"alphas": [[0)";
    for (int i = 0; i < 1100; ++i)
        heads += ",0";
    CHECK(refusalOf(heads + "]]}").find("more than 1024 heads") != std::string::npos);
    CHECK(refusalOf(std::string(100000, '[')).find("a list") != std::string::npos);

    const Folder folder;
    for (const auto& file : {folder.path, folder.path / "none.json"}) {
        try {
            readMoaFile(file);
            FAIL("it was taken for a plan");
        } catch (const PlanError& error) {
            CHECK(std::string(error.what()).find(file.filename().string()) != std::string::npos);
        }
    }
}

TEST_CASE("Spans in a plan's text that are none are refused before anything is made of them", "[core.plan]") {
    for (const char* text : {"",
                             "2x2",
                             "2x2/",
                             "2x2/0+0N*3",
                             "2x2/0+0N*5",
                             "2x2/0+0N*4/0+0N",
                             "0x4/0+0N",
                             "2x2/0+0N*-4",
                             "2x2/0+2N*4",
                             "2x2/nan+0N*4",
                             "2x2/0+0*4",
                             "2x2/0N*4",
                             "2x2/1e999+0N*4",
                             "2048x1/0+0N*2048",
                             "x/0+0N",
                             "1024x1024/0+0N*99999999",
                             "2x2/0+0N*99999999999999999999",
                             "2x/0+0N*2",
                             "1e1x2/0+0N*20",
                             "2x2//0+0N*4"}) {
        INFO(text);
        CHECK_FALSE(parseSpans(text));
    }
    CHECK(parseSpans("2x2/1e+06+0.5N*3/-1e-05+1e-3N")->of(1, 1) == MoaSpan{-1e-5, 1e-3});
    for (const char* text :
         {"keep=moa:beta=1.5", "keep=moa:beta=-0.1", "keep=moa:alpha=inf", "keep=moa:alpha=3e9",
          "keep=moa:block=0", "keep=moa:min=0", "keep=moa:sinks=-1", "keep=moa:length=0",
          "keep=moa:length=now", "keep=moa:window=3", "keep=moa:file=", "keep=moa:file=\"x",
          "keep=moa:spans=2x2/0+0N*4,alpha=3", "keep=moa:spans=2x2/0+0N*4,file=x", "keep=moa:spans"})
        CHECK_THROWS_AS(parsePlan(text), PlanError);
}

TEST_CASE("Spans of another model's shape are refused with both shapes", "[core.plan]") {
    ModelSpec spec;
    spec.layers = 5, spec.queryHeads = 4, spec.kvHeads = 2, spec.headDim = 8;
    const auto why = refusal(parsePlan("keep=moa:spans=2x3/0+0.5N*6"), spec);
    REQUIRE(why);
    CHECK(why->find("2 layers of 3 query heads") != std::string::npos);
    CHECK(why->find("5 layers of 4 query heads") != std::string::npos);
    CHECK_FALSE(refusal(parsePlan("keep=moa:spans=5x4/0+0.5N*20"), spec));
    CHECK_FALSE(refusal(parsePlan("keep=moa"), spec));
    AttentionPlan broken;
    MoaParams params;
    params.block = 0;
    broken.keep = params;
    CHECK(refusal(broken, spec));
}
