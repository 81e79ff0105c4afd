// Evicting plans through both backends, against the whole sequence under a mask, and every byte counted.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "core/engine/cache_layout.h"
#include "core/engine/session.h"
#include "core/methods/keep/row_turn.h"
#include "core/model/forward.h"
#include "core/plan/plan_prefill.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::difference;
using fovea::test::kBackends;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;
using fovea::test::requireSame;

namespace {

// Attention of one query and head over everything it sees of the whole text, each key turned to the rule's
// distance.
at::Tensor seenAttention(const KeepRule& rule, const RowTurn& turn, const at::Tensor& q, const at::Tensor& K,
                         const at::Tensor& V, std::int64_t p) {
    std::vector<std::int64_t> seen, by;
    for (std::int64_t j = 0; j <= p; ++j)
        if (rule.sees(p, j)) {
            seen.push_back(j);
            by.push_back(p - j - rule.distanceTo(p, j));
        }
    const at::Tensor rows = at::tensor(seen), keys = turn.rows(K.index_select(0, rows), at::tensor(by));
    const at::Tensor scores = at::matmul(q, keys.t()) / std::sqrt(static_cast<double>(q.size(-1)));
    return at::matmul(at::softmax(scores, -1), V.index_select(0, rows));
}

// Logits (T, V) of the whole text at once, nothing evicted: a mask and distances in place of a cache.
at::Tensor masked(const Model& model, const AttentionPlan& plan, std::span<const int> tokens,
                  std::int64_t decodeFrom) {
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    const auto attention = [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        const RowTurn turn(model.spec, layer);
        std::vector<at::Tensor> heads;
        for (int h = 0; h < model.spec.queryHeads; ++h) {
            std::vector<at::Tensor> rows;
            const int g = h / model.spec.group();
            for (std::int64_t p = 0; p < q.size(2); ++p)
                rows.push_back(seenAttention(
                    keepRule(plan, model.spec.window(layer), p >= keepActsFrom(plan, decodeFrom), {layer, h}),
                    turn, q[0][h].narrow(0, p, 1), k[0][g], v[0][g], p));
            heads.push_back(at::cat(rows));
        }
        return at::stack(heads).unsqueeze(0);
    };
    return logits(model, hiddenStates(model, at::tensor(ids).unsqueeze(0), 0, attention, at::kFloat))[0]
        .contiguous();
}

std::vector<AttentionPlan> keeps() {
    std::vector<AttentionPlan> plans;
    for (const char* text : {"keep=streaming:sinks=4,window=9", "keep=streaming:sinks=0,window=5",
                             "keep=streaming:sinks=3,window=1", "keep=streaming:sinks=2,window=0",
                             "keep=streaming:sinks=1,window=1000", "keep=streaming:sinks=90,window=3",
                             "keep=streaming:sinks=4,window=9,positions=cache",
                             "keep=streaming:sinks=1,window=0,positions=cache",
                             "keep=streaming:sinks=0,window=6,positions=cache",
                             "keep=streaming:sinks=5,window=1000,positions=cache",
                             "keep=lm-infinite:sinks=5,window=8", "keep=lm-infinite:sinks=0,window=1",
                             "keep=lm-infinite:sinks=2,window=1", "keep=lm-infinite:sinks=3,window=1000",
                             "keep=moa:alpha=3,beta=0.25,sinks=2,block=4,min=6",
                             "keep=moa:alpha=-4,beta=0.7,sinks=3,block=8,min=1,length=30",
                             // One span per head: of two layers with six heads, of two with two, of one with six.
                             "keep=moa:spans=2x6/4+0N/0+0.5N/0+1N/0+0.25N/10+0N*2/9+0.1N*5/0+0N,sinks=2,block=3,min=4",
                             "keep=moa:spans=2x6/4+0N*3/0+0.5N*3/-8+1N*6,sinks=0,block=1,min=1",
                             "keep=moa:spans=2x6/4+0N/40+0N*2/12+0N/20+0.2N*8,sinks=4,block=5,min=5,length=50",
                             "keep=moa:spans=2x2/6+0N/0+0.5N/0+1N/3+0.1N,sinks=2,block=4,min=4",
                             "keep=moa:spans=1x6/6+0N/0+0.5N/0+1N/3+0.1N/12+0N/0+0N,sinks=1,block=2,min=3"})
        for (const char* prefill : {" prefill=dense", " prefill=masked"})
            plans.push_back(parsePlan(std::string(text) + prefill));
    return plans;
}

} // namespace

TEST_CASE("An evicting cache gives what the whole text under a mask gives, on both backends",
          "[core.engine]") {
    const RandomShape shape{.layers = 2, .queryHeads = 6, .kvHeads = 2, .headDim = 10, .context = 96};
    const auto model = randomModel(shape);
    const auto tokens = randomTokens(60, shape.vocabulary);
    const std::span<const int> all = tokens;
    for (const AttentionPlan& plan : keeps()) {
        if (refusal(plan, model->spec))
            continue; // spans of another shape
        for (const std::int64_t decodeFrom : {0, 1, 40}) {
            const at::Tensor whole = masked(*model, plan, all, decodeFrom);
            for (const Backend backend : kBackends) {
                INFO("plan " << toText(plan) << ", from " << decodeFrom << ", backend "
                             << static_cast<int>(backend));
                Session session(model, plan, {.backend = backend});
                const std::int64_t prefilled = std::max<std::int64_t>(0, decodeFrom - 1);
                REQUIRE(session.prefill(all.first(static_cast<std::size_t>(prefilled)), kGoOn));
                for (std::int64_t p = prefilled; p < std::ssize(tokens); ++p) {
                    session.step(tokens[static_cast<std::size_t>(p)], p >= decodeFrom);
                    const at::Tensor row = whole[p];
                    REQUIRE(difference(session.logits(), {row.data_ptr<float>(), 50}) < 2e-4);
                }
            }
        }
    }
}

TEST_CASE("A model's own sliding window frees slots as well, in prefill too, alone and under a plan's keep",
          "[core.engine]") {
    const RandomShape shape{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8, .context = 400};
    const auto model = std::const_pointer_cast<Model>(randomModel(shape));
    model->spec.layerSpecs = {{.window = 12, .rope = {}}, {.window = 0, .rope = {}}};
    // Longer than a chunk of prefill, so that its second one reuses slots.
    const auto tokens = randomTokens(180, shape.vocabulary);
    const std::span<const int> all = tokens;
    for (const char* text :
         {"dense", "keep=streaming:sinks=4,window=5", "keep=streaming:sinks=4,window=30",
          "keep=streaming:sinks=4,window=5 prefill=masked",
          "keep=streaming:sinks=2,window=30,positions=cache prefill=masked",
          "keep=streaming:sinks=2,window=8,positions=cache", "keep=lm-infinite:sinks=3,window=17",
          "keep=moa:spans=2x4/0+0.1N/30+0N/0+0N/0+0.05N*5,sinks=3,block=4,min=8",
          "keep=moa:spans=2x4/0+0.1N/30+0N/0+0N/0+0.05N*5,sinks=3,block=4,min=8 read=sparq:r=8,k=400"}) {
        const AttentionPlan plan = parsePlan(text);
        const at::Tensor whole = masked(*model, plan, all, 160);
        for (const Backend backend : kBackends) {
            INFO(text << ", backend " << static_cast<int>(backend));
            Session session(model, plan, {.backend = backend});
            REQUIRE(session.prefill(all.first(150), kGoOn));
            for (std::int64_t p = 150; p < std::ssize(tokens); ++p) {
                const StepRecord step = session.step(tokens[static_cast<std::size_t>(p)], p >= 160);
                const at::Tensor row = whole[p];
                REQUIRE(difference(session.logits(), {row.data_ptr<float>(), 50}) < 2e-4);
                requireSame(step.formula, step.counted);
                requireSame(step.held.formula, step.held.counted);
                std::int64_t kept = 0;
                for (int layer = 0; layer < 2; ++layer)
                    for (int head = 0; head < 2; ++head)
                        kept += LayerKeep(plan, model->spec, layer, p >= keepActsFrom(plan, 160))
                                    .held(head, p + 1)
                                    .seen(p + 1) -
                                1;
                REQUIRE(step.liveSlots == kept);
            }
        }
    }
}

TEST_CASE(
    "Formula and counted are the same on every step of an evicting plan, and what is held stays within it",
    "[core.engine]") {
    const RandomShape shapes[] = {{.layers = 2, .queryHeads = 2, .kvHeads = 2, .headDim = 8},
                                  {.layers = 1,
                                   .queryHeads = 6,
                                   .kvHeads = 2,
                                   .headDim = 12,
                                   .type = ElementType::BF16,
                                   .tied = false}};
    constexpr const char* kReads[] = {"", " read=sparq:r=4,k=6", " read=sparq:r=2,k=9,local=9,alpha=off",
                                      " read=sparq:r=3,k=7,local=0,select=logits store=f16", " store=bf16",
                                      " read=topv:k=5 store=f16", " read=topv:k=100,renormalise=on",
                                      " read=quest:page=3,pages=2,skip=0", " read=quest:page=1,pages=4,skip=0",
                                      " read=quest:page=5,pages=3,skip=1 store=bf16",
                                      " store=rtn:bits=3", " read=sparq:r=2,k=6 store=rtn:bits=2,mode=sym",
                                      " read=topv:k=5 store=rtn:bits=8,zero=free",
                                      " read=quest:page=3,pages=2,skip=0 store=rtn"};
    for (const RandomShape& shape : shapes) {
        const auto model = randomModel(shape);
        for (const AttentionPlan& keep : keeps()) {
            for (const char* read : kReads) {
                const AttentionPlan plan = parsePlan(toText(keep) + read);
                if (refusal(plan, model->spec))
                    continue;
                const CacheLayout layout = cacheLayoutFor(plan, model->spec, 1);
                const std::int64_t row = layout.rows().codeBytes(),
                                   floats = 256 * shape.headDim * elementBytes(layout.type), // of a block
                                   block = 2 * layout.rows().blockBytes() +
                                           (std::holds_alternative<ReadAll>(plan.read) ? 0 : 2 * floats);
                for (const Backend backend : kBackends) {
                    INFO("plan " << toText(plan) << ", backend " << static_cast<int>(backend));
                    Session session(model, plan, {.backend = backend});
                    REQUIRE(session.prefill(randomTokens(30, shape.vocabulary), kGoOn));
                    for (int i = 0; i < 14; ++i) {
                        // A step that is not planned again reads dense, but nothing that left comes back.
                        const StepRecord step = session.step(i, i >= 3 && i != 9);
                        INFO("step " << i);
                        requireSame(step.formula, step.counted);
                        requireSame(step.held.formula, step.held.counted);
                        std::int64_t kept = 0;
                        for (int layer = 0; layer < shape.layers; ++layer)
                            for (int head = 0; head < shape.kvHeads; ++head)
                                kept += LayerKeep(plan, model->spec, layer, i >= 3 || masksPrefill(plan))
                                            .held(head, step.position + 1)
                                            .seen(step.position + 1) -
                                        1;
                        REQUIRE(step.liveSlots == kept);
                        REQUIRE(step.held.counted[Component::Keys] == step.liveSlots * row);
                        REQUIRE(step.held.reserved <=
                                step.held.counted.total() + block * shape.layers * shape.kvHeads);
                    }
                }
            }
        }
    }
}

TEST_CASE("As a plan takes over, the window's rows move next to the sinks once, and never again",
          "[core.engine]") {
    const auto model = randomModel({.layers = 1, .queryHeads = 2, .kvHeads = 2, .headDim = 8});
    const std::int64_t row = 8 * 4;
    for (const int prompt : {12, 14, 17, 30, 60}) {
        AttentionPlan plan = parsePlan("keep=streaming:sinks=4,window=9");
        Session session(model, plan, {});
        REQUIRE(session.prefill(randomTokens(prompt, 50), kGoOn));
        for (int i = 0; i < 4; ++i) {
            const StepRecord step = session.step(i, true);
            // Of `prompt` rows 13 stay; those of the newest 9 that lie behind slot 13 move: each read and
            // written.
            const std::int64_t moved = i == 0 ? std::clamp(prompt - 14, 0, 9) : 0;
            const std::int64_t seen = std::min<std::int64_t>(step.position + 1, 14);
            CHECK(step.counted[Component::Keys] == 2 * row * (seen + 1 + 2 * moved));
            CHECK(step.evicted ==
                  2 * (std::max(0, prompt - 13 + i + 1) - std::max(0, i == 0 ? 0 : prompt - 13 + i)));
        }
    }
}

TEST_CASE("The CPU backend gives the reference's logits under keep, read and store together",
          "[core.engine]") {
    const RandomShape shape{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8};
    const auto model = randomModel(shape);
    for (const char* text :
         {"keep=streaming:sinks=3,window=17 read=sparq:r=4,k=8",
          "keep=streaming:sinks=0,window=9 read=sparq:r=3,k=7,local=7",
          "keep=streaming:sinks=4,window=20 read=sparq:r=2,k=6,local=0,alpha=off",
          "keep=streaming:sinks=4,window=20 read=sparq:r=8,k=9,local=3,select=logits",
          "keep=streaming:sinks=1,window=12 read=sparq:r=8,k=100",
          "keep=moa:alpha=5,beta=0.3,sinks=2,block=4,min=8 read=sparq:r=4,k=8",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=2,block=4,min=8 store=bf16",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=2,block=4,min=8 read=sparq:r=4,k=9",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=2,block=4,min=8 "
          "read=sparq:r=5,k=7,local=0,select=logits",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=0,block=1,min=1 "
          "read=sparq:r=3,k=12,alpha=off store=f16",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=2,block=4,min=8 read=topv:k=5",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=0,block=1,min=1 "
          "read=topv:k=9,renormalise=on",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=2,block=4,min=8 "
          "read=quest:page=4,pages=2,skip=0",
          "keep=moa:spans=2x4/0+0.5N/8+0N/0+1N/12+0.1N*5,sinks=0,block=1,min=1 "
          "read=quest:page=3,pages=4,skip=1",
          "keep=h2o:heavy=7,recent=6 read=topv:k=5",
          "keep=h2o:heavy=7,recent=6 read=quest:page=3,pages=2,skip=0",
          "keep=scissorhands:budget=14,history=20,recent=3 read=topv:k=5,renormalise=on",
          "keep=scissorhands:budget=14,history=20,recent=3 read=quest:page=4,pages=2,skip=1",
          "keep=streaming:sinks=3,window=17 read=topv:k=5",
          "keep=streaming:sinks=3,window=17,positions=cache read=topv:k=5",
          "keep=lm-infinite:sinks=3,window=17 read=topv:k=6,renormalise=on",
          "keep=streaming:sinks=3,window=17 read=quest:page=4,pages=2,skip=0",
          "keep=streaming:sinks=0,window=13 read=quest:page=3,pages=3,skip=1",
          "keep=streaming:sinks=2,window=20 read=quest:page=1,pages=7,skip=0"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        // Two-byte rows: a last bit of f32 may round a cached value the other way, 2^-9 of it in bf16.
        const double most = storedFloats(plan.store, ElementType::F32) == ElementType::F32 ? 1e-4 : 1e-3;
        Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
        const auto tokens = randomTokens(90, shape.vocabulary);
        const std::span<const int> all = tokens;
        REQUIRE(cpu.prefill(all.first(30), kGoOn));
        REQUIRE(reference.prefill(all.first(30), kGoOn));
        for (const int token : all.subspan(30)) {
            cpu.step(token, true);
            reference.step(token, true);
            REQUIRE(difference(cpu.logits(), reference.logits()) < most);
        }
    }
}

TEST_CASE("SparQ over a stream that reads everything live is the stream itself", "[core.engine]") {
    const auto model = randomModel();
    const AttentionPlan stream = parsePlan("keep=streaming:sinks=4,window=20"),
                        both = parsePlan("keep=streaming:sinks=4,window=20 read=sparq:r=8,k=25,alpha=off");
    for (const Backend backend : kBackends) {
        Session one(model, stream, {.backend = backend}), two(model, both, {.backend = backend});
        for (const int token : randomTokens(70, 50)) {
            one.step(token, true);
            two.step(token, true);
            REQUIRE(difference(two.logits(), one.logits()) < 1e-5);
        }
    }
}

TEST_CASE("Nothing of an evicted token reaches a later one, even when it was infinite", "[core.engine]") {
    // Token 7 alone has a first component, which the first layer's K and V make too large for f16: they are
    // infinite in the cache. It is token 5 of the text.
    const auto model = randomModel({.headDim = 8});
    const at::Tensor embedding = model->embedding.stored();
    embedding.select(1, 0).fill_(0);
    embedding[7].fill_(0);
    embedding[7][0] = 1;
    model->layers[0].key.weight.stored().select(1, 0).fill_(1e6);
    model->layers[0].value.weight.stored().select(1, 0).fill_(1e6);
    for (const char* text :
         {"keep=streaming:sinks=2,window=4 store=f16", "keep=lm-infinite:sinks=2,window=4 store=f16",
          "keep=streaming:sinks=2,window=4,positions=cache store=f16",
          "keep=streaming:sinks=2,window=4 store=f16 read=sparq:r=4,k=3",
          "keep=moa:alpha=7,beta=0,sinks=2,block=1,min=3 store=f16",
          // Heads that forget sooner than their group, whose sums of values must forget as well.
          "keep=moa:spans=2x4/7+0N/3+0N/5+0N*6,sinks=2,block=1,min=3 store=f16",
          "keep=moa:spans=2x4/7+0N/3+0N/5+0N*6,sinks=2,block=1,min=3 store=f16 read=sparq:r=4,k=3"}) {
        for (const Backend backend : kBackends) {
            INFO(text << ", backend " << static_cast<int>(backend));
            Session session(model, parsePlan(text), {.backend = backend});
            auto tokens = randomTokens(20, 7);
            tokens[5] = 7;
            for (int p = 0; p < 20; ++p) {
                session.step(tokens[static_cast<std::size_t>(p)], true);
                const auto finite = [](float logit) { return std::isfinite(logit); };
                if (p == 5)
                    REQUIRE(std::none_of(session.logits().begin(), session.logits().end(), finite));
                if (p > 5 + 4 + 4) // the last layer's window has forgotten those that saw it
                    REQUIRE(std::all_of(session.logits().begin(), session.logits().end(), finite));
            }
        }
    }
}

TEST_CASE("A run tells when each slot was taken and freed", "[core.engine]") {
    const auto model = randomModel({.layers = 2});
    GenerateOptions options;
    options.tokens = 20;
    options.ignoreEnd = true;
    options.session.recordSlots = true;
    const Run run = generate(model, parsePlan("keep=streaming:sinks=2,window=5"), randomTokens(12, 50),
                             options, {}, kGoOn);
    CHECK(run.slots.layers() == 2);
    CHECK(run.slots.alike());
    std::vector<std::int64_t> gone(40, -1);
    std::int64_t born = 0;
    for (const SlotEvent& event : run.slots.of(1, 1)) {
        if (event.kind == SlotEvent::Kind::Born) {
            CHECK(event.position == born++);
            CHECK(event.at == event.position);
        }
        if (event.kind == SlotEvent::Kind::Evicted)
            gone[static_cast<std::size_t>(event.position)] = event.at;
    }
    CHECK(born == 31);
    // The prompt's overflow leaves as decoding begins, every other token six steps after it came.
    for (std::int64_t j = 0; j < 31; ++j) {
        const std::int64_t last = std::max<std::int64_t>(12, j + 6);
        CHECK(gone[static_cast<std::size_t>(j)] == (j < 2 || last > 31 ? -1 : last));
    }

    options.session.recordSlots = false;
    CHECK(generate(model, {}, randomTokens(12, 50), options, {}, kGoOn).slots.layers() == 0);
}

TEST_CASE("A text may outgrow the model's context under a keep that bounds distances", "[core.engine]") {
    const auto model = randomModel({.context = 20});
    GenerateOptions options;
    options.tokens = 50;
    options.ignoreEnd = true;
    const auto prompt = randomTokens(12, 50);
    const auto stepsOf = [&](const char* plan) {
        const Run run = generate(model, parsePlan(plan), prompt, options, {}, kGoOn);
        for (const StepRecord& step : run.steps)
            requireSame(step.formula, step.counted);
        return run.steps.size();
    };
    CHECK(stepsOf("keep=streaming:sinks=2,window=8,positions=cache") == 50);
    CHECK(stepsOf("keep=streaming:sinks=0,window=8") == 50);
    CHECK(stepsOf("keep=lm-infinite:sinks=2,window=8") == 50);
    CHECK(stepsOf("dense") == 9);
    CHECK(stepsOf("keep=streaming:sinks=2,window=8") == 9);
    CHECK(stepsOf("keep=streaming:sinks=2,window=18,positions=cache") == 9);
    CHECK(stepsOf("keep=streaming:sinks=2,window=17,positions=cache") == 50);
    // Read densely beyond the context, no keep helps.
    options.decodeFrom = 21;
    CHECK(stepsOf("keep=lm-infinite:sinks=2,window=8") == 9);
    CHECK_THROWS_AS(
        generate(model, parsePlan("keep=lm-infinite:window=8"), randomTokens(21, 50), options, {}, kGoOn),
        EngineError);
}
