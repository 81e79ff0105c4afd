// Rows of which some are codes and some exact: what is read of them against the stores' truths, what they hold against
// closed forms, and what evictions leave.

#include "core/cache/mixed_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <memory>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/methods/keep/row_turn.h"
#include "core/methods/predict.h"
#include "core/methods/store/cq_truth.h"
#include "core/methods/store/kivi_truth.h"
#include "core/methods/store/kvquant_truth.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "tests/support/some_codecs.h"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr int kHeads = 2, kDims = 48;

ModelSpec turningSpec() {
    ModelSpec spec;
    spec.layers = 1, spec.queryHeads = spec.kvHeads = kHeads, spec.headDim = kDims, spec.context = 1000;
    return spec;
}

// A cache of one layer under `store`, and the rows that it was given, (T, G, d) after RoPE.
struct Text {
    AttentionPlan plan;
    KvCache cache;
    Ledger ledger;
    at::Tensor keys, values;

    Text(const Store& store, std::int64_t tokens, ElementType type = ElementType::F32, bool turned = false)
        : plan{.store = store}, cache(layoutOf(store, type, turned)), keys(at::randn({tokens, kHeads, kDims}) * 2),
          values(at::randn({tokens, kHeads, kDims})) {}

    static CacheLayout layoutOf(const Store& store, ElementType type, bool turned) {
        const auto turn = turned ? std::make_shared<PositionTurn>(turningSpec(), 0) : nullptr;
        return {.layers = 1,
                .kvHeads = kHeads,
                .headDim = kDims,
                .type = type,
                .mixed = mixedStore(store, kDims),
                .slotsPerBlock = 16,
                .codecs = someCodecs(store, kHeads, kDims, turn)};
    }
    void append(std::int64_t t) {
        cache.append(0, t, keys[t].data_ptr<float>(), values[t].data_ptr<float>(), ledger);
    }
    at::Tensor held(bool ofKeys) const { // (T, G, d)
        std::vector<at::Tensor> heads;
        for (int g = 0; g < kHeads; ++g) {
            CacheViewReader reader(cache.view(0, g));
            heads.push_back(ofKeys ? reader.keys() : reader.values());
        }
        return at::stack(heads, 1);
    }
};

at::Tensor first(const at::Tensor& rows, std::int64_t n) {
    return rows.narrow(0, 0, n);
}

KvquantTable tableOf(const KvquantLevels& levels) {
    KvquantTable table{.offset = {}, .range = {}, .levels = at::tensor(levels.levels), .read = at::tensor(levels.read)};
    const auto perHead = [](const std::vector<double>& of) {
        return at::tensor(of).unsqueeze(0).expand({kHeads, kDims});
    };
    if (!levels.offset.empty()) {
        table.offset = perHead(levels.offset);
        table.range = perHead(levels.range);
    }
    return table;
}

void requireAlike(const at::Tensor& is, const at::Tensor& should) {
    const double apart = (is - should).abs().max().item<double>();
    REQUIRE(apart <= 2e-5);
}

at::Tensor centroidsOf(const CqParams& params, unsigned seed) {
    return at::tensor(someCentroids(params, kDims, seed))
        .view({1, kDims / params.channels, params.centroids(), params.channels})
        .expand({kHeads, kDims / params.channels, params.centroids(), params.channels});
}

} // namespace

TEST_CASE("KIVI's cache reads what its truth reads, token by token", "[core.cache]") {
    for (const KiviParams p : {KiviParams{.bits = 2, .group = 32, .residual = 32}, KiviParams{.bits = 4, .group = 32, .residual = 64},
                               KiviParams{.bits = 3, .group = 64, .residual = 64}, KiviParams{.bits = 8, .group = 32, .residual = 96}})
        for (const ElementType type : {ElementType::F32, ElementType::BF16}) {
            Text text(p, 200, type);
            if (type == ElementType::BF16) { // codes are made of rows as they were held
                text.keys = text.keys.to(at::kBFloat16).to(at::kFloat);
                text.values = text.values.to(at::kBFloat16).to(at::kFloat);
            }
            for (std::int64_t t = 0; t < 200; ++t) {
                text.append(t);
                if (t % 7 != 0 && (t + 1) % 32 > 1)
                    continue;
                INFO("bits " << p.bits << ", residual " << p.residual << ", T " << t + 1);
                requireAlike(text.held(true), kiviKeys(first(text.keys, t + 1), p, RtnScale::Held));
                requireAlike(text.held(false), kiviValues(first(text.values, t + 1), p, RtnScale::Held));
                const int e = static_cast<int>(elementBytes(type));
                CHECK(text.cache.held().total() == kHeads * (predictKiviKeyBytes(p, t + 1, kDims, e) +
                                                             predictKiviValueBytes(p, t + 1, kDims, e)));
            }
        }
}

TEST_CASE("KVQuant's cache reads what its truth reads, before and after RoPE", "[core.cache]") {
    for (const KvquantParams p : {KvquantParams{.bits = 2, .outliers = .1, .exact = 1}, KvquantParams{.bits = 3, .outliers = .01, .exact = 3},
                                  KvquantParams{.bits = 4, .outliers = 0, .exact = 0}})
        for (const bool turned : {false, true}) {
            INFO("bits " << p.bits << (turned ? ", turned" : ""));
            Text text(p, 150, ElementType::F32, turned);
            for (std::int64_t t = 0; t < 150; ++t)
                text.append(t);
            const KvquantTable keys = tableOf(someLevels(p, kDims, true)), values = tableOf(someLevels(p, kDims, false));
            requireAlike(text.held(false), kvquantValues(text.values, p, values, RtnScale::Held));
            if (!turned) {
                requireAlike(text.held(true), kvquantKeys(text.keys, p, keys, RtnScale::Held));
            } else { // one head: (T, d) rows turn by their positions
                const RowTurn turn(turningSpec(), 0);
                const at::Tensor by = at::arange(150, at::kLong), own = text.keys.select(1, 0);
                const at::Tensor before = turn.rows(own, -by).unsqueeze(1);
                KvquantTable one = keys;
                one.offset = keys.offset.narrow(0, 0, 1), one.range = keys.range.narrow(0, 0, 1);
                const at::Tensor read = turn.rows(kvquantKeys(before, p, one, RtnScale::Held).select(1, 0), by);
                // A number between two levels may fall either way once it was turned back and forth.
                const at::Tensor apart = (text.held(true).select(1, 0) - read).abs();
                CHECK((apart > 1e-3).sum().item<std::int64_t>() <= 4 * 2);
            }
            const std::int64_t held = predictKvquantKeyBytes(p, 150, kDims, 4) + predictKvquantValueBytes(p, 150, kDims, 4);
            CHECK(text.cache.held().total() == kHeads * held);
        }
}

TEST_CASE("Coupled Quantisation's cache reads what its truth reads", "[core.cache]") {
    for (const CqParams p : {CqParams{.channels = 4, .bits = 8}, CqParams{.channels = 8, .bits = 10, .recent = 32},
                             CqParams{.channels = 1, .bits = 3, .recent = 5}, CqParams{.channels = 2, .bits = 9}}) {
        INFO("channels " << p.channels << ", bits " << p.bits);
        Text text(p, 60);
        for (std::int64_t t = 0; t < 60; ++t)
            text.append(t);
        requireAlike(text.held(true), cqRows(text.keys, p, centroidsOf(p, 1), RtnScale::Held));
        requireAlike(text.held(false), cqRows(text.values, p, centroidsOf(p, 2), RtnScale::Held));
        CHECK(text.cache.held().total() == 2 * kHeads * predictCqBytes(p, 60, kDims, 4));
    }
}

TEST_CASE("Codes do not change when other tokens leave, and a shared side goes with its last row", "[core.cache]") {
    const KiviParams p{.bits = 4, .group = 32, .residual = 32};
    Text text(p, 96);
    for (std::int64_t t = 0; t < 64; ++t)
        text.append(t);
    const at::Tensor keys = text.held(true), values = text.held(false);
    const auto sides = [&] { return text.cache.held()[Component::Scales]; };
    const std::int64_t all = sides();
    CHECK(all == kHeads * (2 * 4 * kDims + 32 * 2 * 4)); // two groups of keys; values of tokens 0 to 31

    // Tokens 1 to 31 leave head 0: rows move, and what they stand for stays.
    std::vector<std::int32_t> gone(31);
    std::iota(gone.begin(), gone.end(), 1);
    text.cache.evict(0, 0, gone, 64, text.ledger);
    text.append(64);
    const KvView view = text.cache.view(0, 0);
    REQUIRE(view.slots == 34);
    CacheViewReader reader(view);
    const at::Tensor moved = reader.keys(), movedValues = reader.values();
    for (std::int64_t slot = 0; slot < view.slots; ++slot) {
        const std::int64_t t = view.positions[slot];
        if (t == 64)
            continue;
        requireAlike(moved[slot], keys[t][0]);
        requireAlike(movedValues[slot], t > 32 ? values[t][0] : kiviValues(first(text.values, 65), p, RtnScale::Held)[t][0]);
    }
    // Token 0 holds its group, until it leaves too.
    const std::int64_t before = sides();
    std::int32_t slot = 0;
    while (view.positions[slot] != 0)
        ++slot;
    text.cache.evict(0, 0, {&slot, 1}, 65, text.ledger);
    CHECK(before - sides() == 4 * kDims + 2 * 4);
    for (std::int64_t t = 65; t < 96; ++t)
        text.append(t);
    CHECK(text.cache.slots(0, 0) == 64);
}

TEST_CASE("A group of which tokens have left is coded by those that stayed", "[core.cache]") {
    const KiviParams p{.bits = 2, .group = 32, .residual = 32};
    Text text(p, 32);
    for (std::int64_t t = 0; t < 31; ++t)
        text.append(t);
    std::vector<std::int32_t> gone = {0, 3, 4, 17};
    text.cache.evict(0, 0, gone, 31, text.ledger);
    text.append(31);
    const KvView view = text.cache.view(0, 0);
    const at::Tensor stayed = at::from_blob(const_cast<std::int64_t*>(view.positions), {view.slots}, at::kLong);
    const at::Tensor rows = text.keys.index_select(0, stayed).narrow(1, 0, 1);
    KiviParams whole = p; // those that stayed, as one group
    whole.residual = 0;
    requireAlike(CacheViewReader(view).keys(), kiviKeys(rows, whole, RtnScale::Held).select(1, 0));
    CHECK(text.cache.hasHole(0, 0) == false);
}

TEST_CASE("What a mixed store moves is the formula's, step by step", "[core.cache]") {
    const Store stores[] = {KiviParams{.bits = 2, .group = 32, .residual = 64}, KvquantParams{.exact = 2},
                            CqParams{.channels = 8, .bits = 8, .recent = 6}};
    for (const Store& store : stores) {
        Text text(store, 150);
        StepShape shape{.queryHeads = kHeads, .kvHeads = kHeads, .headDim = kDims};
        for (std::int64_t t = 0; t < 150; ++t) {
            text.ledger.take();
            text.append(t);
            for (int g = 0; g < kHeads; ++g) {
                CacheViewReader reader(text.cache.view(0, g), &text.ledger);
                reader.keys();
                reader.values();
            }
            shape.tokens = t + 1;
            INFO("store " << store.index() << ", T " << t + 1);
            REQUIRE(text.ledger.take() == predictMoved(text.plan, shape));
            REQUIRE(text.cache.held() == predictHeld(text.plan, shape));
        }
    }
}
