// Sessions on the GPU's backend under stores of which some rows are exact (KIVI, KVQuant, Coupled Quantisation): what the CPU
// gives, with formula = counted on every step, whatever a plan keeps and reads.

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>

#include <string>

#include "core/calibrate/codebook_file.h"
#include "core/engine/check.h"
#include "core/engine/device/gpu_refusal.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "tests/support/dice.h"
#include "tests/support/random_model.h"
#include "tests/support/simt/host_device.h"
#include "tests/support/temporary_folder.h"

#include "tests/core/engine/device/batch_checks.h"
#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::Dice;
using fovea::test::difference;
using fovea::test::kGoOn;
using fovea::test::promptsOf;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;
using fovea::test::requireAsAlone;
using fovea::test::requireRagged;
using fovea::test::requireSame;

namespace {

constexpr std::int64_t kPrompt = 40, kTokens = 70; // the 64th codes KIVI's keys

constexpr const char* kStores[] = {
    "store=kivi:bits=2,residual=32", "store=kivi:bits=8,residual=32",
    "store=kvquant:bits=3,exact=2",  "store=kvquant:bits=2,outliers=.1",
    "store=cq:channels=4,bits=4",    "store=cq:channels=2,bits=4,recent=9",
};
constexpr const char* kUses[] = {
    "",
    " read=sparq:r=4,k=9",
    " read=sparq:r=3,k=12,alpha=off,select=logits",
    " read=quest:page=5,pages=3,skip=0",
    " read=quest:page=3,pages=9,skip=1",
    " keep=streaming:sinks=2,window=21,positions=original",
    " keep=streaming:sinks=2,window=35,positions=original read=sparq:r=4,k=6",
    " keep=h2o:heavy=9,recent=12",
    " keep=h2o:heavy=20,recent=19 read=sparq:r=4,k=6",
    " keep=h2o:heavy=20,recent=19 read=quest:page=4,pages=2,skip=1",
    " keep=scissorhands:budget=24,history=8,recent=6,drop=3",
    " keep=snapkv:budget=20,window=6",
    " read=topv:k=7",
    " read=topv:k=9,renormalise=on",
    " keep=h2o:heavy=20,recent=19 read=topv:k=5",
    " keep=streaming:sinks=2,window=21,positions=cache",
    " keep=lm-infinite:sinks=3,window=18",
    " keep=streaming:sinks=2,window=35,positions=cache read=topv:k=5",
    " keep=lm-infinite:sinks=3,window=30 read=topv:k=6,renormalise=on",
    " share=cla:2",
    " share=cla:2 keep=moa:spans=2x4/6+0N/14+0N/20+0N/34+.2N/9+0N*2/3+0.5N/12+0N,sinks=2,block=1,min=1",
    " share=cla:2 keep=moa:spans=2x4/20+0N*4/9+0N*2/33+0.5N/12+0N,sinks=2,block=1,min=1 read=sparq:r=4,k=6",
    " share=cla:2 keep=moa:spans=2x4/20+0N*4/9+0N*2/33+0.5N/12+0N,sinks=2,block=1,min=1 read=topv:k=5",
    " share=cla:2 keep=streaming:sinks=2,window=21,positions=cache",
    " prefill=quantised",
};

// A model beside which codebooks of `kStores` lie, for every use.
class LearntModel {
public:
    LearntModel() {
        at::manual_seed(5);
        const auto model = std::make_shared<Model>(*randomModel(
            {.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 32, .ffn = 64, .context = 400}));
        model->origin = m_folder.path();
        for (const char* text : kStores)
            if (const auto store = learntStore(parsePlan(text).store))
                learn(*model, *store);
        m_model = model;
    }
    const std::shared_ptr<const Model>& model() const { return m_model; }

private:
    static void learn(const Model& model, const LearntStore& store) {
        const at::Tensor blocks = at::arange(40, at::kLong).view({2, 20}) + 3;
        const KvRows rows = collectKvRows(model, blocks, rowsFor(store, false), {}, kGoOn);
        writeCodebooks(codebooksPath(model.origin, store),
                       {.store = store,
                        .layers = learnCodebooks(rows, store, 7, {}, kGoOn),
                        .origin = {.modelFingerprint = modelFingerprint(model)}});
    }

    TemporaryFolder m_folder;
    std::shared_ptr<const Model> m_model;
};

// Every use of the first store, and of each other some, so that each use meets several.
std::vector<AttentionPlan> plans(const Model& model) {
    std::vector<AttentionPlan> all;
    for (std::size_t store = 0; store < std::size(kStores); ++store)
        for (std::size_t use = 0; use < std::size(kUses); ++use) {
            if (store > 0 && use > 0 && (store + use) % 3 != 0)
                continue;
            const AttentionPlan plan = parsePlan(std::string(kStores[store]) + kUses[use]);
            if (refusal(plan, model.spec) || (learntStore(plan.store) && plan.share != AttentionPlan().share))
                continue; // of another model the codebooks would be others
            all.push_back(plan);
        }
    return all;
}

} // namespace

TEST_CASE("The GPU gives what the CPU gives under mixed stores", "[core.engine.device.mixed]") {
    const LearntModel learnt;
    const auto tokens = randomTokens(kTokens);
    const std::span<const int> all = tokens;
    int run = 0;
    for (const AttentionPlan& plan : plans(*learnt.model())) {
        INFO(toText(plan));
        REQUIRE_FALSE(gpuRefusal(plan, *learnt.model()));
        ++run;
        Session cpu(learnt.model(), plan, {}), gpu(learnt.model(), plan, {.backend = Backend::Cuda});
        REQUIRE(cpu.prefill(all.first(kPrompt - 2), kGoOn));
        const auto before = cuda::takenBuffers();
        REQUIRE(gpu.prefill(all.first(kPrompt - 2), kGoOn));
        REQUIRE(cuda::takenBuffers() > before); // it was read there
        for (std::int64_t p = kPrompt - 2; p < kTokens; ++p) {
            INFO("position " << p);
            const int token = tokens[static_cast<std::size_t>(p)];
            const StepRecord there = gpu.step(token, p >= kPrompt), here = cpu.step(token, p >= kPrompt);
            // A last bit of a product may be another code of a row; what attention makes of the same rows the next test has.
            REQUIRE(difference(gpu.logits(), cpu.logits()) < 1e-1);
            requireSame(there.formula, there.counted);
            requireSame(there.held.formula, there.held.counted);
            REQUIRE(there.liveSlots == here.liveSlots);
            REQUIRE(there.evicted == here.evicted);
        }
        REQUIRE(gpu.backend() == Backend::Cuda);
    }
    CHECK(run > 30);
}

TEST_CASE("The GPU's attention over mixed rows is the CPU's on the same rows, head by head",
          "[core.engine.device.mixed]") {
    const LearntModel learnt;
    const auto prompt = randomTokens(kPrompt);
    for (const AttentionPlan& plan : plans(*learnt.model())) {
        CheckOptions options;
        options.backends[0] = Backend::Cpu;
        options.backends[1] = Backend::Cuda;
        options.tokens = 26;
        const CheckReport report = checkBackends(learnt.model(), plan, prompt, options, {}, kGoOn);
        INFO(toText(plan) << ": " << report.largest.relative);
        CHECK(report.steps.size() == 26);
        CHECK(report.sameBytes());
        CHECK(report.within());
    }
}

TEST_CASE("Random shapes under KIVI on the GPU are what they are on the CPU", "[core.engine.device.mixed]") {
    Dice dice;
    int taken = 0;
    for (int trial = 0; trial < 40; ++trial) {
        RandomShape shape;
        shape.layers = dice.between(1, 2);
        shape.kvHeads = dice.between(1, 3);
        shape.queryHeads = shape.kvHeads * (dice.coin() ? dice.between(1, 9) : 1);
        shape.headDim = 16 * dice.between(1, 5);
        shape.type = dice.coin() ? ElementType::BF16 : ElementType::F32;
        const auto model = randomModel(shape);
        AttentionPlan plan;
        if (dice.coin())
            plan.keep = dice.moa(shape.layers, shape.queryHeads);
        if (dice.coin())
            plan.read = dice.sparse(shape.headDim, 40);
        if (shape.layers == 2 && dice.coin())
            plan.share = parsePlan("share=cla:2").share;
        plan.store = KiviParams{.bits = kRtnBits[dice.between(0, 3)], .group = 32, .residual = 32};
        std::vector<int> prompt;
        for (int i = dice.between(1, 60); i > 0; --i)
            prompt.push_back(dice.between(0, shape.vocabulary - 1));
        if (refusal(plan, model->spec) || gpuRefusal(plan, *model))
            continue;
        ++taken;
        CheckOptions options;
        options.backends[0] = Backend::Cpu;
        options.backends[1] = Backend::Cuda;
        options.tokens = 20;
        const CheckReport report = checkBackends(model, plan, prompt, options, {}, kGoOn);
        INFO("trial " << trial << ", H=" << shape.queryHeads << " G=" << shape.kvHeads
                      << " d=" << shape.headDim << ", " << toText(plan) << ", " << prompt.size()
                      << " tokens: " << report.largest.relative);
        CHECK((report.sameBytes() || shape.queryHeads / shape.kvHeads > 8));
        CHECK_FALSE(report.firstBeyond);
    }
    CHECK(taken > 12);
}

TEST_CASE("A GPU without memory for mixed rows hands the run to the CPU, and nothing is lost",
          "[core.engine.device.mixed][host]") {
    const LearntModel learnt;
    const auto tokens = randomTokens(300);
    const std::span<const int> all = tokens;
    for (const char* text :
         {"store=kivi:bits=2,residual=32 keep=h2o:heavy=90,recent=60", "store=cq:channels=2,bits=4,recent=9",
          "store=kvquant:bits=3,exact=2 keep=streaming:sinks=2,window=110,positions=cache read=topv:k=5"}) {
        const AttentionPlan plan = parsePlan(text);
        const std::size_t before = cuda::takenBytes();
        std::size_t first = 0,
                    most = 0; // that a session takes which is never short: for its first step, and at all
        for (const double share : {1., -1., .5}) { // of what lies between the two
            const bool measuring = most == 0;
            const auto allowed =
                static_cast<std::size_t>(static_cast<double>(most - first) * std::max(share, 0.)) + first;
            INFO(text << ", allowed " << share);
            if (!measuring)
                simt::limitMemory(before + (share < 0 ? first / 2 : allowed));
            Session cpu(learnt.model(), plan, {}), gpu(learnt.model(), plan, {.backend = Backend::Cuda});
            for (Session* session : {&cpu, &gpu})
                REQUIRE(session->prefill(all.first(100), kGoOn));
            simt::mostTakenMemory();
            for (std::int64_t p = 100; p < std::ssize(tokens); ++p) {
                const int token = tokens[static_cast<std::size_t>(p)];
                const StepRecord step = gpu.step(token, p >= 270);
                cpu.step(token, p >= 270);
                REQUIRE(difference(gpu.logits(), cpu.logits()) < 1e-1);
                requireSame(step.held.formula, step.held.counted);
                // The prompt's rows in floats are gone by the first step.
                if (measuring && p == 100) {
                    first = cuda::takenBytes() - before;
                    simt::mostTakenMemory();
                } else if (measuring) {
                    most = std::max(most, simt::mostTakenMemory() - before);
                }
            }
            simt::limitMemory(~std::size_t{0});
            CHECK((gpu.backend() == Backend::Cuda) == (share == 1));
        }
        CHECK(most > first);
    }
}

TEST_CASE("Texts of mixed rows on the GPU at once are what each is alone", "[core.engine.device.mixed]") {
    const LearntModel learnt;
    std::vector<std::string> texts(std::begin(kStores), std::end(kStores));
    texts.push_back(
        "store=kvquant:bits=3,exact=2 keep=streaming:sinks=2,window=9,positions=cache read=topv:k=5");
    for (const std::string& text : texts) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        requireAsAlone(learnt.model(), plan, promptsOf(3, 29, 3), 5, 1);
    }
}

TEST_CASE("Ragged texts of mixed rows that come and go are what each is alone",
          "[core.engine.device.mixed]") {
    const LearntModel learnt;
    const std::vector<std::vector<int>> ragged = {
        randomTokens(7, 50, 1), randomTokens(270, 50, 2), {}, randomTokens(60, 50, 3)};
    for (const char* const text :
         {"store=kivi:bits=2,residual=32 read=topv:k=7",
          "store=kivi:bits=8,residual=32 keep=h2o:heavy=9,recent=12 read=sparq:r=4,k=6",
          "store=kvquant:bits=3,exact=2 read=quest:page=5,pages=3,skip=1",
          "store=kvquant:bits=2,outliers=.1 keep=streaming:sinks=2,window=21,positions=cache",
          "store=cq:channels=4,bits=4 read=topv:k=9,renormalise=on",
          "store=cq:channels=2,bits=4,recent=9 keep=streaming:sinks=2,window=21,positions=original"}) {
        INFO(text);
        requireRagged(learnt.model(), parsePlan(text), ragged);
    }
}

TEST_CASE("One graph serves many steps over mixed rows", "[core.engine.device.mixed][host]") {
    const LearntModel learnt;
    const auto tokens = randomTokens(250);
    std::vector<std::string> texts(std::begin(kStores), std::end(kStores));
    texts.push_back("store=cq:channels=4,bits=4 keep=lm-infinite:sinks=3,window=30 read=topv:k=5");
    for (const std::string& text : texts) {
        INFO(text);
        Session gpu(learnt.model(), parsePlan(text), {.backend = Backend::Cuda});
        gpu.step(tokens[0], false);
        const std::size_t before = simt::recordedGraphs();
        for (std::size_t p = 1; p < 150; ++p)
            gpu.step(tokens[p], false);
        CHECK(simt::recordedGraphs() > before);
        CHECK(simt::recordedGraphs() <= before + 4); // blocks and sides are taken now and then
    }
}
