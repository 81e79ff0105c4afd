// Query heads on the GPU's backend that see different tokens of those their KV head holds, and sinks that are met at
// another distance than their own, under every read; and values chosen by keys that are codes.

#include <string>

#include "core/kernels/cuda/device_memory.h"
#include "tests/support/simt/host_device.h"

#include "tests/core/engine/device/batch_checks.h"
#include "tests/core/engine/device/device_checks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

// Heads of one group and of two layers look back by different lengths.
const std::string kParted =
    "keep=moa:spans=2x4/6+0N/14+0N/20+0N/4+.2N/9+0N*2/3+0.5N/12+0N,sinks=2,block=1,min=1";
const std::string kCache = "keep=streaming:sinks=2,window=9,positions=cache",
                  kInfinite = "keep=lm-infinite:sinks=3,window=8";

const std::string kPlans[] = {
    kParted,
    kParted + " store=rtn:bits=4,group=32",
    kParted + " prefill=dense read=sparq:r=4,k=6",
    kParted + " read=sparq:r=4,k=6,local=0",
    kParted + " store=f16 read=sparq:r=3,k=30,local=1,alpha=off",
    kParted + " store=rtn:bits=8,group=32 read=sparq:r=4,k=9,select=logits",
    kParted + " read=quest:page=4,pages=3,skip=0",
    kParted + " store=bf16 read=quest:page=3,pages=2,skip=1",
    kParted + " read=topv:k=5",
    kParted + " read=topv:k=7,renormalise=on",
    "share=cla:2 " + kParted,
    "share=cla:2 " + kParted + " read=sparq:r=4,k=6,alpha=off",
    "share=cla:2 " + kParted + " read=topv:k=5",
    kCache,
    "keep=streaming:sinks=3,window=20,positions=cache store=bf16",
    kCache + " prefill=masked store=rtn:bits=4,group=32",
    "share=cla:2 " + kCache,
    kInfinite,
    "keep=lm-infinite:sinks=3,window=30 store=f16",
    kInfinite + " prefill=dense",
    kCache + " read=topv:k=5",
    kCache + " store=rtn:bits=8,group=32 read=topv:k=7,renormalise=on",
    kInfinite + " store=rtn:bits=3,group=32 read=topv:k=5",
    "keep=lm-infinite:sinks=3,window=30 store=bf16 read=topv:k=9",
    "store=rtn:bits=8,group=32 read=topv:k=5",
    "store=rtn:bits=4,group=32,mode=sym read=topv:k=7,renormalise=on",
    "store=rtn:bits=3,group=32 read=topv:k=5",
    "keep=h2o:heavy=8,recent=9 store=rtn:bits=2,group=32,zero=free read=topv:k=5",
};

} // namespace

TEST_CASE("Heads that see different tokens, turned sinks and coded keys give what the CPU gives",
          "[core.engine.device]") {
    const auto model = smallModel();
    for (const std::string& text : kPlans) {
        INFO(text);
        requireSameSteps(model, parsePlan(text));
    }
}

TEST_CASE("So they do head by head, on the same rows", "[core.engine.device]") {
    const auto model = smallModel();
    for (const std::string& text : kPlans) {
        INFO(text);
        requireSameAttention(model, parsePlan(text));
    }
}

TEST_CASE("Texts of different lengths turn their sinks by their own, bit for bit", "[core.engine.device]") {
    const auto model = smallModel();
    for (const std::string& text : {kCache, kInfinite + " read=topv:k=5", kParted + " read=sparq:r=4,k=6"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        requireAsAlone(model, plan, promptsOf(3, 4, 9), 8, 0); // one has lost no token yet
    }
}

TEST_CASE("One graph serves the steps of parted heads, and of sinks that are all turned",
          "[core.engine.device][host]") {
    const auto model = smallModel();
    const auto tokens = randomTokens(120);
    for (const std::string& text : {kCache, kInfinite + " read=topv:k=5", kParted + " read=sparq:r=4,k=6"}) {
        INFO(text);
        Session gpu(model, parsePlan(text), {.backend = Backend::Cuda});
        for (std::size_t p = 0; p < 40; ++p)
            gpu.step(tokens[p], true);
        const std::size_t before = simt::recordedGraphs();
        for (std::size_t p = 40; p < tokens.size(); ++p)
            gpu.step(tokens[p], true);
        CHECK(simt::recordedGraphs() - before <= 1);
    }
}

TEST_CASE("A GPU that runs out of memory under parted heads or turned sinks loses nothing",
          "[core.engine.device][host]") {
    const auto model = smallModel();
    const auto tokens = randomTokens(150);
    const std::span<const int> all = tokens;
    const std::size_t before = cuda::takenBytes();
    for (const char* text :
         {"keep=moa:spans=2x4/120+0N*3/40+0N*3/100+0N*2,sinks=2,block=1,min=1 read=sparq:r=4,k=6",
          "keep=streaming:sinks=2,window=110,positions=cache read=topv:k=5"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        std::size_t most = 0;
        for (const bool scarce : {false, true}) {
            if (scarce)
                simt::limitMemory(before + most - 1);
            simt::mostTakenMemory();
            Session cpu(model, plan, {}), gpu(model, plan, {.backend = Backend::Cuda});
            for (Session* session : {&cpu, &gpu})
                REQUIRE(session->prefill(all.first(20), kGoOn));
            for (std::size_t p = 20; p < tokens.size(); ++p) {
                const StepRecord step = gpu.step(tokens[p], p >= 60);
                cpu.step(tokens[p], p >= 60);
                REQUIRE(difference(gpu.logits(), cpu.logits()) < 1e-4);
                requireSame(step.held.formula, step.held.counted);
            }
            most = std::max(most, simt::mostTakenMemory() - before);
            simt::limitMemory(~std::size_t{0});
            CHECK((gpu.backend() == Backend::Cpu) == scarce);
        }
    }
}
