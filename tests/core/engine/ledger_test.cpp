// Three counts that know nothing of each other: the formula, the ledger of the CPU kernels, and a reader
// between the truth and the cache.

#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/eviction.h"
#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/attend_topv.h"
#include "core/kernels/cpu/attention.h"
#include "core/methods/predict.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/quest_stages.h"
#include "core/methods/read/sparq_stages.h"
#include "core/methods/read/topv_stages.h"
#include "core/plan/attention_plan.h"
#include "tests/support/counting_reader.h"
#include "tests/support/dice.h"
#include "tests/support/some_codecs.h"

using namespace fovea;
using fovea::test::CountingReader;
using fovea::test::Dice;

namespace {

// A cache after shape.tokens tokens under `keep`; what the last one's append counted is left in `ledger`, and what it
// did in the cache.
KvCache filled(const StepShape& shape, const AttentionPlan& plan, const LayerKeep& keep, int slotsPerBlock,
               Ledger& ledger) {
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    const auto* quest = std::get_if<QuestParams>(&plan.read);
    KvCache cache({.layers = 1,
                   .kvHeads = shape.kvHeads,
                   .headDim = shape.headDim,
                   .type = storedFloats(plan.store, shape.store),
                   .codes = storedCodes(plan.store),
                   .mixed = mixedStore(plan.store, shape.headDim),
                   .keyColumns = sparq != nullptr,
                   .valueSum = sparq && sparq->alpha,
                   .valueSums = valueSumsPerHead(plan, shape.group()),
                   .slotsPerBlock = slotsPerBlock,
                   .page = quest && shape.layer >= quest->skip ? quest->page : 0,
                   .codecs = test::someCodecs(plan.store, shape.kvHeads, shape.headDim)});
    const at::Tensor rows = at::randn({2, shape.tokens, shape.kvHeads, shape.headDim});
    for (std::int64_t t = 0; t < shape.tokens; ++t) {
        evictUnseen(cache, 0, keep, keep, std::max<std::int64_t>(t - 1, 0), t, ledger);
        ledger.take();
        cache.takeChanges(0);
        cache.append(0, t, rows[0][t].data_ptr<float>(), rows[1][t].data_ptr<float>(), ledger);
    }
    return cache;
}

// What one layer's read touches, as readers of every KV head see it. Scores and chosen slots pass no reader.
Traffic countReads(const KvCache& cache, const StepShape& shape, const LayerKeep& keep, const Read& read,
                   const at::Tensor& q) {
    Traffic counted;
    for (int head = 0; head < shape.kvHeads; ++head) {
        CacheViewReader rows(cache.view(0, head));
        std::vector<KeepRule> rules;
        for (int i = 0; i < shape.group(); ++i)
            rules.push_back(keep.of(head * shape.group() + i));
        const CacheLayout& layout = cache.layout();
        CountingReader counting =
            layout.mixed ? CountingReader(rows, layout.type, *layout.mixed, rows.positions(), shape.tokens)
                         : CountingReader(rows, layout.type, layout.codes);
        const at::Tensor group = q.narrow(0, head * shape.group(), shape.group());
        const at::Tensor seen = keep.same() ? at::Tensor{} : moaSight(rules, rows.positions());
        if (const auto* sparq = std::get_if<SparqParams>(&read)) {
            const SparqStages stages = sparqTruth(*sparq, group, counting, {}, seen);
            counted[Component::Scores] += 2 * 4 * stages.approximate.numel();
            counted[Component::Indices] += 2 * 4 * stages.slots.numel();
        } else if (const auto* topv = std::get_if<TopvParams>(&read)) {
            const TopvStages stages = topvTruth(*topv, group, counting, {}, seen);
            counted[Component::Scores] += 4 * (2 * stages.logits.numel() + stages.weights.numel());
            counted[Component::Indices] += 2 * 4 * stages.slots.numel();
        } else if (const auto* quest = std::get_if<QuestParams>(&read); quest && shape.layer >= quest->skip) {
            const QuestStages stages = questTruth(*quest, group, counting, {}, seen);
            counted[Component::Scores] += 4 * (2 * stages.scores.size(-1) - 1);
            counted[Component::Indices] += 2 * 4 * (stages.pages.numel() + stages.slots.numel());
        } else if (keep.same()) {
            denseTruth(group, counting);
        } else {
            moaTruth(rules, group, counting, rows.positions());
        }
        counted += counting.counted();
    }
    return counted;
}

// What the step did before its eviction and in it; what is held now.
MixedCounts together(MixedCounts before, const MixedCounts& after) {
    for (MixedCount* const count : {&before.keys, &before.values})
        count->heldExact = count->heldSides = 0;
    before.keys += after.keys;
    before.values += after.values;
    return before;
}

// The read on the CPU kernels. Of how many KV heads' choice had the last page of their slots: Quest alone.
std::int64_t attend(std::span<const KvView> views, const StepShape& shape, const Read& read, const float* q,
                    float* out, cpu::AttentionScratch& scratch, Ledger& ledger,
                    std::span<const cpu::HeadSight> sights) {
    if (const auto* sparq = std::get_if<SparqParams>(&read))
        cpu::attendSparq(views, shape.group(), *sparq, q, out, scratch, ledger, {}, sights);
    else if (const auto* topv = std::get_if<TopvParams>(&read))
        cpu::attendTopv(views, shape.group(), *topv, q, out, scratch, ledger, {}, {}, sights);
    else if (const auto* quest = std::get_if<QuestParams>(&read); quest && shape.layer >= quest->skip)
        return cpu::attendQuest(views, shape.group(), *quest, q, out, scratch, ledger, {}, sights);
    else
        cpu::attendAll(views, shape.group(), q, out, scratch, ledger, {}, {}, sights);
    return 0;
}

} // namespace

TEST_CASE("Formula, ledger and counting reader agree over random shapes, plans and block sizes",
          "[core.engine]") {
    Dice dice;
    cpu::AttentionScratch scratch;
    for (int trial = 0; trial < 400; ++trial) {
        StepShape shape = dice.shape(trial % 10 == 0 ? 700 : 60);
        AttentionPlan plan;
        if (trial % 3 != 0)
            plan.keep = trial % 3 == 1
                            ? Keep(StreamingParams{.sinks = dice.between(0, 9), .window = dice.between(1, 40)})
                            : Keep(dice.moa(2, shape.queryHeads));
        if (trial % 4 != 0)
            plan.read = dice.sparse(shape.headDim, 80);
        const auto* sparq = std::get_if<SparqParams>(&plan.read);
        const bool summedApart = sparq && sparq->alpha && valueSumsPerHead(plan, shape.group()) > 1;
        plan.store = dice.coin() ? dice.store() : dice.mixedStore(shape.headDim, !summedApart);
        shape.layer = dice.between(0, 1);
        const LayerKeep keep(plan, shape.layer, 0, true, shape.queryHeads, shape.kvHeads);
        shape.planned = dice.between(0, 3) != 0;
        const Read reads = shape.planned ? plan.read : Read{};

        Ledger ledger;
        KvCache cache = filled(shape, plan, keep, dice.coin() ? 256 : dice.between(1, 40), ledger);
        const Traffic written = ledger.take();
        std::vector<KvView> views;
        for (int head = 0; head < shape.kvHeads; ++head)
            views.push_back(cache.view(0, head));
        const at::Tensor q = at::randn({shape.queryHeads, shape.headDim});
        std::vector<float> out(static_cast<std::size_t>(q.numel()));
        std::vector<cpu::HeadSight> sights;
        for (int head = 0; head < shape.queryHeads && !keep.same(); ++head)
            sights.push_back({keep.of(head).sinks, keep.of(head).oldest(shape.tokens - 1)});
        shape.lastPages =
            attend(views, shape, reads, q.data_ptr<float>(), out.data(), scratch, ledger, sights);
        std::vector<char> lastPageOf(scratch.lastPages); // of an earlier trial where none is read by pages
        lastPageOf.resize(static_cast<std::size_t>(shape.kvHeads));
        shape.lastPageOf = lastPageOf;
        const Traffic read = ledger.take();
        const SlotChanges before = cache.takeChanges(0); // what the counting reader reads is no step's
        const Traffic touched = countReads(cache, shape, keep, reads, q);
        cache.takeChanges(0);
        evictUnseen(cache, 0, keep, keep, shape.tokens - 1, shape.tokens, ledger);
        const SlotChanges after = cache.takeChanges(0);
        shape.pagesBegun = before.pagesBegun + after.pagesBegun;
        if (mixedStore(plan.store, shape.headDim))
            shape.mixedCounts = together(before.mixed, after.mixed);
        std::vector<char> holeIn;
        for (int head = 0; head < shape.kvHeads; ++head)
            holeIn.push_back(cache.hasHole(0, head));
        shape.holeIn = holeIn;
        shape.holes = std::count(holeIn.begin(), holeIn.end(), 1);

        Traffic counted = written;
        counted += read;
        counted += ledger.take();
        const Traffic formula = predictMoved(plan, shape);
        for (int c = 0; c < kComponents; ++c) {
            const auto component = static_cast<Component>(c);
            INFO("trial " << trial << ", component " << kComponentNames[static_cast<std::size_t>(c)]);
            REQUIRE(formula[component] == counted[component]);
            REQUIRE(read[component] == touched[component]);
        }
        REQUIRE(cache.held() == predictHeld(plan, shape));
    }
}
