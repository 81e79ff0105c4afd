// Reads that choose, under a model's own sliding window too: truth, kernel and replay of the same step.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "core/engine/eviction.h"
#include "core/engine/replay.h"
#include "core/engine/replay_pages.h"
#include "core/engine/replay_rows.h"
#include "core/engine/session.h"
#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/attend_topv.h"
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

constexpr std::int64_t kPrompt = 150, kTokens = 190;

// Two layers, the first of which sees twelve tokens.
std::shared_ptr<const Model> windowed() {
    const auto model = std::const_pointer_cast<Model>(
        randomModel({.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8, .context = 400}));
    model->spec.layerSpecs = {{.window = 12, .rope = {}}, {.window = 0, .rope = {}}};
    return model;
}

constexpr const char* kReads[] = {"read=sparq:r=4,k=6",
                                  "read=sparq:r=3,k=5,local=1,alpha=off",
                                  "read=topv:k=5",
                                  "read=topv:k=40,renormalise=on",
                                  "read=quest:page=4,pages=2,skip=0",
                                  "read=quest:page=3,pages=5,skip=1",
                                  "read=quest:page=1,pages=4,skip=0"};

} // namespace

TEST_CASE("Every read runs under a model's own window: the backends agree, and formula is counted",
          "[core.engine]") {
    const auto model = windowed();
    const auto tokens = randomTokens(kTokens, 50);
    const std::span<const int> all = tokens;
    for (const char* read : kReads)
        for (const char* keep : {"", "keep=streaming:sinks=3,window=20 "}) {
            const AttentionPlan plan = parsePlan(std::string(keep) + read);
            INFO(toText(plan));
            CHECK_FALSE(refusal(plan, model->spec));
            Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
            for (Session* session : {&cpu, &reference})
                REQUIRE(session->prefill(all.first(kPrompt - 1), kGoOn));
            for (std::int64_t p = kPrompt - 1; p < kTokens; ++p) {
                for (Session* session : {&cpu, &reference}) {
                    const StepRecord step = session->step(tokens[static_cast<std::size_t>(p)], p >= kPrompt);
                    requireSame(step.formula, step.counted);
                    requireSame(step.held.formula, step.held.counted);
                }
                REQUIRE(difference(cpu.logits(), reference.logits()) < 1e-4);
            }
        }
}

TEST_CASE("A read of everything under a window is the window itself", "[core.engine]") {
    const auto model = windowed();
    const auto tokens = randomTokens(kTokens, 50);
    for (const char* read :
         {"read=sparq:r=8,k=400,alpha=off", "read=topv:k=400", "read=quest:page=4,pages=100,skip=0"})
        for (const Backend backend : kBackends) {
            INFO(read << ", backend " << static_cast<int>(backend));
            Session own(model, {}, {.backend = backend}),
                sparse(model, parsePlan(read), {.backend = backend});
            for (std::int64_t p = 0; p < 60; ++p) {
                own.step(tokens[static_cast<std::size_t>(p)], true);
                sparse.step(tokens[static_cast<std::size_t>(p)], true);
                REQUIRE(difference(sparse.logits(), own.logits()) < 1e-5);
            }
        }
}

TEST_CASE("A replay finds every token in the slot in which the session had it", "[core.engine]") {
    const auto model = windowed();
    const auto tokens = randomTokens(kTokens, 50);
    const std::span<const int> all = tokens;
    for (const char* text :
         {"read=quest:page=4,pages=2,skip=0", "keep=streaming:sinks=3,window=20 read=quest:skip=0",
          "keep=streaming:sinks=0,window=7 read=quest:page=5,pages=1,skip=0"}) {
        const AttentionPlan plan = parsePlan(text);
        Session session(model, plan, {.captureBudget = 1 << 30, .recordSlots = true, .capacity = kTokens});
        REQUIRE(session.prefill(all.first(kPrompt - 1), kGoOn));
        for (std::int64_t p = kPrompt - 1; p < kTokens; ++p)
            session.step(tokens[static_cast<std::size_t>(p)], p >= kPrompt);
        for (int layer = 0; layer < 2; ++layer) {
            const ReplayedKeep keep(plan, *session.capture(), kTokens, layer, /*head=*/2, kPrompt, kGoOn);
            const std::vector<std::int64_t> leaves = keep.leaves(kTokens);
            ReplayedPages pages(*session.capture(), layer, 1, std::get<QuestParams>(plan.read), Store{}, leaves,
                                keep.actsFrom(), kPrompt);
            std::map<std::int32_t, std::int64_t> slots; // the session's, of the layer's second KV head
            const auto events = session.slots().of(layer, 1);
            auto next = events.begin();
            for (std::int64_t query = kPrompt; query < kTokens; ++query) {
                for (; next != events.end() && next->at <= query; ++next) {
                    if (next->kind == SlotEvent::Kind::Evicted || next->kind == SlotEvent::Kind::Moved)
                        std::erase_if(slots, [&](const auto& slot) { return slot.second == next->position; });
                    if (next->kind != SlotEvent::Kind::Evicted)
                        slots[next->slot] = next->position;
                }
                INFO(text << ", layer " << layer << ", query " << query);
                const KvView view = pages.at(query);
                REQUIRE(view.slots == std::ssize(slots));
                for (std::int64_t slot = 0; slot < view.slots; ++slot)
                    REQUIRE(view.positions[slot] == slots.at(static_cast<std::int32_t>(slot)));
            }
        }
    }
}

TEST_CASE("What a replay says was read is what the kernels read of such a cache", "[core.engine]") {
    const auto model = windowed();
    const auto tokens = randomTokens(kTokens, 50);
    const std::span<const int> all = tokens;
    Session dense(model, {}, {.captureBudget = 1 << 30, .capacity = kTokens});
    REQUIRE(dense.prefill(all, kGoOn));
    const Capture& capture = *dense.capture();
    const int d = capture.headDim(), group = capture.spec().group();
    for (const char* text : kReads)
        for (int layer = 0; layer < 2; ++layer) {
            const AttentionPlan plan = parsePlan(text);
            const auto* quest = std::get_if<QuestParams>(&plan.read);
            KvCache cache({.layers = 1,
                           .kvHeads = 1,
                           .headDim = d,
                           .keyColumns = std::holds_alternative<SparqParams>(plan.read),
                           .valueSum = std::holds_alternative<SparqParams>(plan.read),
                           .page = quest ? quest->page : 0});
            const HeadMap map = replayHead(capture, kTokens, layer, 3, plan, 0, kGoOn);
            const KeepRule rule = keepRule(plan, model->spec.window(layer), true);
            Ledger ledger;
            cpu::AttentionScratch scratch;
            std::vector<float> q(static_cast<std::size_t>(group * d)), out(q.size());
            for (std::int64_t query = 0; query < kTokens; ++query) {
                INFO(text << ", layer " << layer << ", query " << query);
                if (query > 0)
                    evictUnseen(cache, 0, rule, query, ledger);
                cache.append(0, query, capture.k(layer, 1) + query * d, capture.v(layer, 1) + query * d,
                             ledger);
                for (int h = 0; h < group; ++h)
                    std::copy_n(capture.q(layer, 2 + h) + query * d, d, q.data() + h * d);
                const std::vector<KvView> view = {cache.view(0, 0)};
                std::size_t n = 0;
                if (const auto* sparq = std::get_if<SparqParams>(&plan.read)) {
                    cpu::attendSparq(view, group, *sparq, q.data(), out.data(), scratch, ledger);
                    n = static_cast<std::size_t>(std::min<std::int64_t>(sparq->tokens, view[0].slots));
                } else if (const auto* topv = std::get_if<TopvParams>(&plan.read)) {
                    cpu::attendTopv(view, group, *topv, q.data(), out.data(), scratch, ledger);
                    n = static_cast<std::size_t>(std::min<std::int64_t>(topv->tokens, view[0].slots));
                } else if (layer >= quest->skip) {
                    ledger.take();
                    cpu::attendQuest(view, group, *quest, q.data(), out.data(), scratch, ledger);
                    n = static_cast<std::size_t>(ledger.take()[Component::Keys] / (d * 4));
                } else {
                    continue;
                }
                std::vector<std::int32_t> read;
                for (std::size_t i = 0; i < n; ++i)
                    read.push_back(static_cast<std::int32_t>(view[0].positions[scratch.slots[i]]));
                std::sort(read.begin(), read.end());
                const auto first = map.chosen.begin() + map.first[static_cast<std::size_t>(query)];
                REQUIRE(read ==
                        std::vector<std::int32_t>(first, map.chosen.begin() +
                                                             map.first[static_cast<std::size_t>(query) + 1]));
                const QueryStages stages = replayQuery(capture, query, layer, 3, plan, 0);
                REQUIRE(stages.chosen == read);
                for (int c = 0; c < d; ++c)
                    REQUIRE(out[static_cast<std::size_t>(d + c)] ==
                            Approx(stages.output[static_cast<std::size_t>(c)]).margin(1e-4));
            }
        }
}
