// Sessions on the GPU's backend, whose kernels the host executes here: under every plan that it takes they give what the
// CPU gives, formula is what was counted, and a device that runs out of memory loses nothing.

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/engine/check.h"
#include "core/engine/session.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "core/trace/chrome_trace.h"
#include "tests/support/random_model.h"
#include "tests/support/simt/host_device.h"

#include "tests/core/engine/device/batch_checks.h"
#include "tests/core/engine/device/device_checks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr const char* kPlans[] = {
    "dense",
    "store=bf16",
    "store=f16",
    "store=rtn:bits=8,group=32",
    "store=rtn:bits=4,group=32,mode=sym",
    "store=rtn:bits=3,group=32",
    "store=rtn:bits=2,group=32,zero=free",
    "read=sparq:r=4,k=6",
    "store=f16 read=sparq:r=3,k=5,local=1,alpha=off",
    "store=rtn:bits=4,group=32 read=sparq:r=4,k=9",
    "read=topv:k=5",
    "read=topv:k=7,renormalise=on",
    "read=quest:page=4,pages=3,skip=0",
    "read=quest:page=3,pages=5,skip=1",
    "keep=streaming:sinks=2,window=9,positions=original",
    "keep=streaming:sinks=2,window=9,positions=original read=sparq:r=4,k=6",
    "keep=streaming:sinks=2,window=19,positions=original read=quest:page=4,pages=2,skip=0",
    "keep=moa:alpha=6,beta=.5,sinks=2,block=4,min=1",
    "keep=h2o:heavy=4,recent=5",
    "keep=h2o:heavy=4,recent=9 read=sparq:r=4,k=6",
    "keep=h2o:heavy=4,recent=9 read=sparq:r=4,k=6 feedback=estimate",
    "keep=h2o:heavy=8,recent=9 read=quest:page=4,pages=2,skip=1",
    "keep=h2o:heavy=8,recent=9 read=topv:k=5",
    "keep=scissorhands:budget=16,history=12,recent=4,drop=3",
    "keep=snapkv:budget=10,window=4,pool=3",
    "share=cla:2",
    "share=cla:2 read=sparq:r=4,k=6",
    "weights=rtn:bits=4,group=32",
    "weights=rtn:bits=8,group=32 store=bf16",
};

} // namespace

TEST_CASE("The GPU's backend gives what the CPU gives, under every plan", "[core.engine.device]") {
    const auto model = smallModel();
    for (const char* text : kPlans) {
        INFO(text);
        requireSameSteps(model, parsePlan(text));
    }
}

TEST_CASE("The GPU's attention is the CPU's on the same rows, head by head", "[core.engine.device]") {
    const auto model = smallModel();
    for (const char* text : kPlans) {
        INFO(text);
        requireSameAttention(model, parsePlan(text));
    }
}

TEST_CASE("A GPU without memory for the next step hands the run to the CPU, and nothing is lost",
          "[core.engine.device][host]") {
    const auto model = smallModel();
    const auto tokens = randomTokens(300);
    const std::span<const int> all = tokens;
    const AttentionPlan plan = parsePlan("keep=h2o:heavy=90,recent=60 read=sparq:r=4,k=6");
    const std::size_t before = cuda::takenBytes();
    std::size_t first = 0,
                most = 0; // that a session takes which is never short: for its first step, and at all
    for (const double share : {1., -1., .0, .3, .8, 1.}) { // of what lies between the two
        const bool measuring = most == 0;
        const auto allowed =
            static_cast<std::size_t>(static_cast<double>(most - first) * std::max(share, 0.)) + first;
        INFO("allowed " << share);
        if (!measuring)
            simt::limitMemory(before + (share < 0 ? first / 2 : allowed));
        Session cpu(model, plan, {}), gpu(model, plan, {.backend = Backend::Cuda});
        for (Session* session : {&cpu, &gpu})
            REQUIRE(session->prefill(all.first(100), kGoOn));
        std::int64_t left = -1; // the first position that the CPU decoded
        simt::mostTakenMemory();
        for (std::int64_t p = 100; p < std::ssize(tokens); ++p) {
            const int token = tokens[static_cast<std::size_t>(p)];
            const StepRecord step = gpu.step(token, p >= 270);
            cpu.step(token, p >= 270);
            REQUIRE(difference(gpu.logits(), cpu.logits()) < 1e-4);
            requireSame(step.held.formula, step.held.counted);
            if (gpu.backend() == Backend::Cpu && left < 0)
                left = p;
            if (measuring)
                (p == 100 ? first : most) = std::max(p == 100 ? 0 : most, simt::mostTakenMemory() - before);
        }
        simt::limitMemory(~std::size_t{0});
        CHECK((left < 0) == (share == 1));
        CHECK((left == 100) == (share < 0));
        CHECK(gpu.whyLeft().empty() == (share == 1));
    }
    CHECK(most > first);
}

TEST_CASE("Texts on the GPU at once are what each is alone, and so is their cost", "[core.engine.device]") {
    const auto model = smallModel();
    for (const char* text : {"dense", "read=sparq:r=4,k=6", "keep=h2o:heavy=4,recent=9", "share=cla:2",
                             "keep=moa:alpha=6,beta=.5,sinks=2,block=4,min=1"})
        for (const int texts : {2, 3, 9}) {
            INFO(text << ", " << texts << " texts");
            const AttentionPlan plan = parsePlan(text);
            requireAsAlone(model, plan, promptsOf(texts, 20, 3), 4, 1);
        }
}

TEST_CASE("The GPU's order of threads is no part of a result", "[core.engine.device][host]") {
    const auto model = smallModel();
    const auto tokens = randomTokens(kTokens);
    std::vector<std::vector<float>> logits;
    for (const auto order : {simt::Order::Forward, simt::Order::Reverse, simt::Order::Shuffled}) {
        simt::executeIn(order, 7);
        Session gpu(model, parsePlan("store=f16 keep=h2o:heavy=8,recent=9 read=sparq:r=4,k=6"),
                    {.backend = Backend::Cuda});
        for (std::int64_t p = 0; p < kTokens; ++p)
            gpu.step(tokens[static_cast<std::size_t>(p)], p >= 20);
        logits.emplace_back(gpu.logits().begin(), gpu.logits().end());
    }
    simt::executeIn(simt::Order::Forward);
    CHECK(logits[0] == logits[1]);
    CHECK(logits[0] == logits[2]);
}

TEST_CASE("Heads that are no whole words in a store are refused before anything is copied", "[core.engine.device]") {
    const auto modelOf = [](int headDim) {
        return randomModel(
            {.layers = 1, .queryHeads = 2, .kvHeads = 1, .headDim = headDim, .ffn = 24, .context = 32});
    };
    const std::size_t before = cuda::takenBytes();
    for (const auto& [headDim, plan, multiple] :
         {std::tuple(6, "dense", "multiple of 4"), std::tuple(12, "store=f16", "multiple of 8"),
          std::tuple(24, "store=rtn:bits=3,group=32", "multiple of 16")}) {
        INFO(plan);
        const auto model = modelOf(headDim);
        REQUIRE_FALSE(refusal(parsePlan(plan), model->spec));
        CHECK_THROWS_WITH(Session(model, parsePlan(plan), {.backend = Backend::Cuda}),
                          Catch::Contains(multiple) && Catch::Contains("Choose the CPU"));
    }
    CHECK(cuda::takenBytes() == before);
}

TEST_CASE("A step's time on the GPU is its stages', layer by layer, in order", "[core.engine.device]") {
    const auto model = smallModel();
    const auto tokens = randomTokens(12);
    Run run;
    Session gpu(model, parsePlan("read=sparq:r=4,k=6"), {.backend = Backend::Cuda});
    for (const int token : tokens)
        run.steps.push_back(gpu.step(token, true));
    for (const StepRecord& step : run.steps) {
        REQUIRE(step.device);
        REQUIRE(step.device->size() == 3 * 2 + 1);
        float end = 0;
        double attention = 0;
        for (const DeviceSpan& span : *step.device) {
            CHECK(span.begin >= end);
            CHECK(span.end > span.begin);
            end = span.end;
            attention +=
                span.stage == DeviceSpan::Stage::Attention ? static_cast<double>(span.end - span.begin) : 0;
        }
        CHECK(step.attentionSeconds == Approx(attention).epsilon(1e-3));
        CHECK(static_cast<double>(end) <= step.seconds);
    }
    const TracedRun traced{std::make_shared<const Run>(run), "gpu", {}};
    const auto trace = nlohmann::json::parse(chromeTrace(std::vector{traced}));
    std::size_t spans = 0;
    for (const auto& event : trace.at("traceEvents"))
        spans += event.value("ph", "") == "X" && event.at("tid") == 3;
    CHECK(spans == tokens.size() * 7);
}

TEST_CASE("One graph serves many steps, and another is recorded where launches change",
          "[core.engine.device][host]") {
    const auto model = smallModel();
    const auto tokens = randomTokens(300);
    Session gpu(model, parsePlan("store=f16 read=sparq:r=4,k=6"), {.backend = Backend::Cuda});
    const auto graphsOf = [&](std::int64_t first, std::int64_t last, bool planned) {
        const std::size_t before = simt::recordedGraphs();
        for (std::int64_t p = first; p < last; ++p)
            gpu.step(tokens[static_cast<std::size_t>(p)], planned);
        return simt::recordedGraphs() - before;
    };
    CHECK(graphsOf(0, 1, false) == 0);
    const std::size_t graphs = graphsOf(1, 100, false);
    CHECK(graphs >= 1);
    CHECK(graphs <= 3);                   // blocks are taken now and then
    CHECK(graphsOf(100, 101, true) == 0); // other launches, met once
    CHECK(graphsOf(101, 250, true) <= 3);
    CHECK(graphsOf(250, 262, true) >= 1); // beyond the room of the first
}

TEST_CASE("Every way of making a step is timed and held against libtorch's", "[core.engine.device][host]") {
    const auto model = smallModel();
    const auto prompt = randomTokens(20), fed = randomTokens(9, 50, 4);
    const auto ways = timeWays(model, parsePlan("read=sparq:r=4,k=6"), prompt, fed, 20, kGoOn);
    REQUIRE(ways.size() == 4);
    for (const CheckedWay& way : ways) {
        INFO(way.name);
        CHECK(way.whyNot.empty());
        CHECK(way.steps == 7);
        CHECK(way.medianSeconds > 0);
        CHECK((way.logits.step < 0) == (way.name == "libtorch"));
        CHECK(way.logits.relative < 1e-4);
    }
    simt::limitMemory(0); // of what is taken now, some may be given back for this model
    const auto full = timeWays(randomModel(), {}, prompt, fed, 20, kGoOn);
    simt::limitMemory(~std::size_t{0});
    REQUIRE(full.size() == 4);
    CHECK(full[1].whyNot.empty());
    CHECK_FALSE(full[3].whyNot.empty());
}
