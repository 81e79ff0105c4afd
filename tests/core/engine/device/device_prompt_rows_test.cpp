// What a prompt's queries see on the GPU's backend where that is not the rows as the cache holds them: sinks at another
// distance than their own, rows as they came of which a store makes codes, and what such a store has made of them by then.

#include <ATen/Context.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/engine/session.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "tests/support/random_model.h"
#include "tests/support/simt/host_device.h"

#include "tests/core/engine/device/batch_checks.h"
#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::difference;
using fovea::test::kGoOn;
using fovea::test::promptsOf;
using fovea::test::randomModel;
using fovea::test::randomTokens;
using fovea::test::requireAsAlone;
using fovea::test::requireSame;

namespace {

constexpr const char* kTurned[] = {
    "keep=streaming:sinks=3,window=40,positions=cache prefill=masked",
    "keep=lm-infinite:sinks=5,window=37",
    "keep=lm-infinite:sinks=2,window=70 read=topv:k=9",
    "keep=streaming:sinks=3,window=40,positions=cache prefill=masked store=bf16",
    "keep=lm-infinite:sinks=5,window=37 store=f16",
    "keep=lm-infinite:sinks=5,window=37 store=rtn:bits=8,group=32",
};
constexpr const char* kInFloats[] = {
    "store=kivi:bits=2,residual=32",
    "store=kivi:bits=3,residual=64 read=sparq:r=4,k=9",
    "store=kivi:bits=2,residual=32 keep=streaming:sinks=2,window=41,positions=original",
    "store=kivi:bits=4,residual=32 share=cla:2",
    "store=rtn:bits=2,group=32 prefill=dense",
    "store=rtn:bits=8,group=32 prefill=dense read=quest:page=4,pages=9,skip=0",
};

constexpr const char* kAsHeld[] = {
    "store=kivi:bits=8,residual=32 prefill=quantised",
    "store=kivi:bits=8,residual=64 prefill=quantised share=cla:2",
    "store=kivi:bits=8,residual=32 prefill=quantised read=sparq:r=4,k=9",
    "store=kivi:bits=8,residual=32 prefill=masked keep=streaming:sinks=2,window=41,positions=original",
    "store=kivi:bits=8,residual=32 prefill=masked keep=streaming:sinks=3,window=40,positions=cache",
    "store=kivi:bits=8,residual=32 prefill=quantised keep=h2o:heavy=30,recent=30",
};

constexpr const char* kHeard[] = {
    "keep=h2o:heavy=30,recent=30",
    "keep=h2o:heavy=30,recent=30 read=sparq:r=4,k=9 store=bf16",
    "keep=scissorhands:budget=60,history=16,recent=9,drop=5",
    "keep=scissorhands:budget=60,history=16,recent=9,drop=5 share=cla:2",
    "keep=h2o:heavy=30,recent=30 share=cla:2",
    "keep=h2o:heavy=30,recent=30 store=rtn:bits=8,group=32",
    "keep=h2o:heavy=30,recent=30 store=kivi:bits=8,residual=32",
};

// Of 8 bits, where one code instead of its neighbour is not much: steps and what follows them see codes of what came before.
constexpr const char* kFinely[] = {
    "store=kivi:bits=8,residual=32",
    "store=kivi:bits=8,residual=32 keep=streaming:sinks=2,window=41,positions=original",
    "store=kivi:bits=8,residual=64 share=cla:2",
    "store=rtn:bits=8,group=32 prefill=dense",
};

std::shared_ptr<const Model> model(bool windowed) {
    at::manual_seed(9);
    const auto made = std::const_pointer_cast<Model>(
        randomModel({.layers = 3, .queryHeads = 4, .kvHeads = 2, .headDim = 32, .ffn = 48, .context = 500}));
    if (windowed)
        made->spec.layerSpecs = {
            {.window = 21, .rope = {}}, {.window = 0, .rope = {}}, {.window = 90, .rope = {}}};
    return made;
}

// How far what two sessions captured of `tokens` is apart: q, k and v of every layer, of which each hangs on what attention
// gave the layers before.
struct Apart {
    double largest = 0, mean = 0;
};
Apart differences(const Session& a, const Session& b, std::int64_t tokens) {
    const Capture &one = *a.capture(), &other = *b.capture();
    REQUIRE(one.layers() == 3);
    Apart apart;
    double sum = 0;
    std::int64_t count = 0;
    const auto compare = [&](const float* x, const float* y) {
        for (std::int64_t i = 0; i < tokens * one.headDim(); ++i, ++count) {
            REQUIRE(std::isfinite(x[i]));
            const double difference = std::abs(double{x[i]} - y[i]);
            apart.largest = std::max(apart.largest, difference);
            sum += difference;
        }
    };
    for (int layer = 0; layer < one.layers(); ++layer) {
        for (int head = 0; head < one.queryHeads(); ++head)
            compare(one.q(layer, head), other.q(layer, head));
        for (int head = 0; head < one.kvHeads(); ++head) {
            compare(one.k(layer, head), other.k(layer, head));
            compare(one.v(layer, head), other.v(layer, head));
        }
    }
    apart.mean = sum / static_cast<double>(count);
    return apart;
}
double apart(const Session& a, const Session& b, std::int64_t tokens) {
    return differences(a, b, tokens).largest;
}

struct Pair {
    Session cpu, gpu;
    Pair(const std::shared_ptr<const Model>& model, const AttentionPlan& plan)
        : cpu(model, plan, {.captureBudget = 1 << 26}),
          gpu(model, plan, {.backend = Backend::Cuda, .captureBudget = 1 << 26}) {}

    // Was it read on the device? Then room was taken there.
    bool prefill(std::span<const int> tokens) {
        REQUIRE(cpu.prefill(tokens, kGoOn));
        const auto before = cuda::takenBuffers();
        REQUIRE(gpu.prefill(tokens, kGoOn));
        return cuda::takenBuffers() > before;
    }
    void step(int token, bool planned, double bound) {
        const StepRecord here = cpu.step(token, planned), there = gpu.step(token, planned);
        REQUIRE(difference(gpu.logits(), cpu.logits()) < bound);
        requireSame(there.formula, there.counted);
        requireSame(there.held.formula, there.held.counted);
        REQUIRE(there.liveSlots == here.liveSlots);
        REQUIRE(there.evicted == here.evicted);
        REQUIRE(gpu.promptEvicted() == cpu.promptEvicted());
    }
};

bool rounds(std::string_view plan) {
    return plan.find("store=") != std::string_view::npos;
}

template <class Plans>
void requireSamePrompts(const Plans& plans, bool inFloats) {
    const auto tokens = randomTokens(301);
    for (const bool windowed : {false, true})
        for (const char* text : plans)
            for (const std::int64_t length : {1, 66, 128, 301}) {
                INFO(text << (windowed ? ", windowed, " : ", ") << length << " tokens");
                const AttentionPlan plan = parsePlan(text);
                if (windowed && refusal(plan, model(true)->spec)) // layers that share are of one window
                    continue;
                Pair both(model(windowed), plan);
                CHECK(both.prefill(std::span(tokens).first(static_cast<std::size_t>(length))));
                // In floats no code has a part in it.
                CHECK(apart(both.gpu, both.cpu, length) < (rounds(text) && !inFloats ? 3e-2 : 1e-4));
                for (int step = 0; step < 4; ++step)
                    both.step(step + 3, step > 0, rounds(text) ? 1e-1 : 1e-4);
                CHECK(both.gpu.backend() == Backend::Cuda);
            }
}

} // namespace

TEST_CASE("A prompt on the GPU meets its sinks where the plan has them", "[core.engine.device][prompt]") {
    requireSamePrompts(kTurned, false);
}

TEST_CASE("A prompt on the GPU sees rows as they came, and leaves their codes",
          "[core.engine.device][prompt]") {
    requireSamePrompts(kInFloats, true);
}

TEST_CASE("A prompt on the GPU sees codes where the store has made codes by then",
          "[core.engine.device][prompt]") {
    requireSamePrompts(kAsHeld, false);
}

// At 2 bits a row that is still exact on one side is far from its codes on the other; a last bit of a product may be another
// code of a few.
TEST_CASE("The rows that a prompt makes codes of are the same on the GPU", "[core.engine.device][prompt]") {
    const auto tokens = randomTokens(301);
    const std::span<const int> all = tokens;
    for (const char* text : {"store=kivi:bits=2,residual=32 prefill=quantised",
                             "store=kivi:bits=2,residual=64 prefill=quantised"}) {
        INFO(text);
        Pair both(model(false), parsePlan(text));
        CHECK(both.prefill(all.first(90)));
        CHECK(both.prefill(all.subspan(90)));
        CHECK(differences(both.gpu, both.cpu, 301).mean < 1e-3);
    }
}

TEST_CASE("What a prompt's queries give on the GPU is heard", "[core.engine.device][prompt]") {
    requireSamePrompts(kHeard, false);
}

TEST_CASE("Prompts on the GPU follow each other, and steps", "[core.engine.device][prompt]") {
    const auto tokens = randomTokens(400);
    const std::span<const int> all = tokens;
    for (const auto& plans : {std::span<const char* const>(kTurned), std::span<const char* const>(kFinely),
                              std::span<const char* const>(kAsHeld), std::span<const char* const>(kHeard)})
        for (const char* text : plans)
            for (const bool windowed : {false, true}) {
                INFO(text << (windowed ? ", windowed" : ""));
                const double bound = rounds(text) ? 1e-1 : 1e-4;
                if (windowed && refusal(parsePlan(text), model(true)->spec))
                    continue;
                Pair both(model(windowed), parsePlan(text));
                CHECK(both.prefill(all.first(7)));
                CHECK(both.prefill(all.subspan(7, 150)));
                for (int step = 0; step < 3; ++step)
                    both.step(step, false, bound);
                CHECK(both.prefill(all.subspan(160, 131)));
                for (int step = 0; step < 5; ++step)
                    both.step(step, true, bound);
                both.prefill(all.subspan(290, 33)); // of a keep that acts by now it is the CPU's
                for (int step = 0; step < 3; ++step)
                    both.step(step, true, bound);
                CHECK(both.gpu.backend() == Backend::Cuda);
            }
}

TEST_CASE("A prompt that the GPU has no room for in floats is read on by the CPU",
          "[core.engine.device][prompt][host]") {
    const auto tokens = randomTokens(400);
    for (const char* text :
         {kTurned[0], kTurned[5], kInFloats[0], kInFloats[4], kAsHeld[0], kAsHeld[5], kHeard[0], kHeard[6]}) {
        const std::size_t before = cuda::takenBytes();
        std::size_t least = 0, most = 0; // for the first chunk, and for all
        for (const double share : {1., .9, .5, .1, 1.}) {
            INFO(text << ", " << share << " of what it takes");
            if (most > 0)
                simt::limitMemory(before + least +
                                  static_cast<std::size_t>(static_cast<double>(most - least) * share));
            Pair both(model(false), parsePlan(text));
            simt::mostTakenMemory();
            both.prefill(std::span(tokens).first(128));
            if (share == 1 && most == 0)
                least = simt::mostTakenMemory() - before;
            both.prefill(std::span(tokens).subspan(128, 262));
            both.step(tokens[390], true, 1e-1);
            if (most == 0)
                most = simt::mostTakenMemory() - before;
            simt::limitMemory(~std::size_t{0});
            CHECK(apart(both.gpu, both.cpu, 390) < 3e-2);
            CHECK((both.gpu.backend() == Backend::Cuda) == (share == 1));
            both.step(3, true, 1e-1);
        }
        CHECK(most > least);
    }
}

TEST_CASE("Prompts of a batch's texts on the GPU are what each is alone", "[core.engine.device][prompt]") {
    for (const char* text : {kTurned[1], kInFloats[0], kInFloats[4], kAsHeld[0], kHeard[0], kHeard[2]}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        requireAsAlone(model(true), plan, promptsOf(3, 60, 83), 4, 1);
    }
}
