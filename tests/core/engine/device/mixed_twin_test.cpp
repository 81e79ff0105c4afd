// A cache of mixed rows and its twin on the GPU, token by token: the device writes and codes what the host's cache does a
// moment later, and both hold the same bytes. Made-up rows; the codecs are the CPU's.

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "core/cache/kv_cache.h"
#include "core/engine/device/cache_twin.h"
#include "core/kernels/cuda/cache_writes.h"
#include "core/methods/store/position_turn.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "tests/support/some_codecs.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

constexpr int kHeads = 2;

struct Held { // of the cache
    ElementType type = ElementType::F32;
    int headDim = 32, slotsPerBlock = 16;
    bool columns = false, sum = false;
    int page = 0;
};

CacheLayout layoutOf(const Store& store, const Held& held) {
    ModelSpec spec;
    spec.layers = 1;
    spec.queryHeads = spec.kvHeads = kHeads;
    spec.headDim = held.headDim;
    spec.context = 400;
    CacheLayout layout;
    layout.layers = 1;
    layout.kvHeads = kHeads;
    layout.headDim = held.headDim;
    layout.type = held.type;
    layout.mixed = mixedStore(store, held.headDim);
    layout.slotsPerBlock = held.slotsPerBlock;
    layout.keyColumns = held.columns;
    layout.valueSum = held.sum;
    layout.page = held.page;
    layout.codecs = test::someCodecs(store, kHeads, held.headDim, std::make_shared<PositionTurn>(spec, 0));
    for (const auto* const codecs : {&layout.codecs->keys, &layout.codecs->values})
        for (const auto& codec : *codecs)
            static_cast<const test::SpoilableCodec&>(*codec).reveal(true);
    return layout;
}

// The rows of a token, in the order of magnitude of what codebooks hold.
std::vector<float> madeUp(int headDim, std::mt19937& random) {
    std::normal_distribution<float> normal(.3f, 2);
    std::vector<float> rows(static_cast<std::size_t>(kHeads * headDim));
    for (float& x : rows)
        x = normal(random);
    return rows;
}

bool same(const void* a, const void* b, std::int64_t bytes) {
    return std::memcmp(a, b, static_cast<std::size_t>(bytes)) == 0;
}

// What the device holds of one KV head's keys or values is what the host holds.
void comparePart(const KvCache& cache, const cuda::CacheBlocks& device, int head, bool keys) {
    const CacheLayout& layout = cache.layout();
    const KvView view = cache.view(0, head);
    const MixedRows& rows = keys ? *view.mixedKeys : *view.mixedValues;
    const MixedForm& form = keys ? layout.mixed->keys : layout.mixed->values;
    const cuda::MixedPart& part = keys ? device.mixed.keys : device.mixed.values;
    const void* const* const blocks = keys ? device.keys : device.values;
    const std::int64_t exactBytes = std::int64_t{layout.headDim} * elementBytes(layout.type);
    for (std::int64_t slot = 0; slot < view.slots; ++slot) {
        if (cache.position(0, head, slot) < 0)
            continue;
        const std::int32_t place = rows.places()[static_cast<std::size_t>(slot)];
        INFO("slot " << slot << ", place " << place);
        REQUIRE(part.places[head * device.mixed.capacity + slot] == place);
        if (place >= 0) {
            REQUIRE(same(static_cast<const std::byte*>(part.exact[head]) + place * exactBytes,
                         static_cast<const std::byte*>(rows.exactRows()) + place * exactBytes, exactBytes));
            continue;
        }
        const std::int64_t block = slot / layout.slotsPerBlock,
                           at = slot % layout.slotsPerBlock * rows.recordBytes();
        REQUIRE(same(static_cast<const std::byte*>(blocks[head * device.blocksPerHead + block]) + at,
                     static_cast<const std::byte*>((keys ? view.keys : view.values)[block]) + at,
                     rows.recordBytes()));
        if (place == MixedRows::kOwn)
            continue;
        const std::int64_t side = MixedRows::kOwn - 1 - place, perBlock = part.sidesPerBlock;
        const std::int64_t in = side % perBlock * form.sizes.side;
        REQUIRE(same(
            static_cast<const std::byte*>(part.sides[head * part.sideBlocksPerHead + side / perBlock]) + in,
            static_cast<const std::byte*>(
                rows.sideBlocks()[static_cast<std::size_t>(side / perBlock)].data()) +
                in,
            form.sizes.side));
    }
}

void compare(const KvCache& cache, const CacheTwin& twin) {
    const CacheLayout& layout = cache.layout();
    const cuda::CacheBlocks device = twin.blocks(0);
    for (int head = 0; head < kHeads; ++head) {
        INFO("KV head " << head);
        const KvView view = cache.view(0, head);
        REQUIRE(device.slots.live[head] == view.slots);
        REQUIRE(device.slots.next[head] == cache.nextSlot(0, head));
        comparePart(cache, device, head, true);
        comparePart(cache, device, head, false);
        for (int c = 0; layout.valueSum && c < layout.headDim; ++c)
            REQUIRE(device.valueSums[head * layout.headDim + c] ==
                    Approx(view.valueSum[c]).epsilon(1e-6).margin(1e-5));
        for (std::int64_t page = 0; layout.page > 0 && page < view.pages(); ++page) {
            const std::int64_t block = page / layout.pagesPerBlock(), in = page % layout.pagesPerBlock();
            const auto* const there =
                static_cast<const float*>(device.bounds[head * device.boundBlocksPerHead + block]);
            const auto* const here = static_cast<const float*>(view.bounds[block]);
            for (std::int64_t c = 2 * in * layout.headDim; c < 2 * (in + 1) * layout.headDim; ++c)
                REQUIRE(there[c] == Approx(here[c]).epsilon(1e-6).margin(1e-6));
        }
    }
}

class Twins {
public:
    explicit Twins(const CacheLayout& layout) : cache(layout), twin(cache) {}

    // The token at `position` on both, the device first.
    void append(std::int64_t position, const std::vector<float>& k, const std::vector<float>& v) {
        twin.prepare(stream.get());
        const std::vector<std::int64_t> positions(kHeads, position);
        cuda::CacheAppend append;
        append.cache = twin.blocks(0);
        append.k = k.data(); // the host's memory is the device's here
        append.v = v.data();
        append.positions = positions.data();
        twin.beginStep();
        cuda::appendRows(append, stream.get());
        cuda::wait(stream.get());
        appendOnHost(position, k, v);
        twin.endStep();
    }
    void appendOnHost(std::int64_t position, const std::vector<float>& k, const std::vector<float>& v) {
        Ledger ledger;
        cache.append(0, position, k.data(), v.data(), ledger);
    }
    void evict(int head, std::vector<std::int32_t> slots, std::int64_t at) {
        Ledger ledger;
        cache.evict(0, head, slots, at, ledger);
    }

    cuda::OwnStream stream;
    KvCache cache;
    CacheTwin twin;
};

void run(const Store& store, const Held& held, int tokens = 75) {
    INFO(toText({.store = store}) << ", d=" << held.headDim << ", " << elementName(held.type));
    std::mt19937 random(5);
    Twins twins(layoutOf(store, held));
    for (std::int64_t p = 0; p < tokens; ++p) {
        INFO("position " << p);
        const auto k = madeUp(held.headDim, random), v = madeUp(held.headDim, random);
        if (p < 9)
            twins.appendOnHost(p, k, v); // as a prompt that was read there
        else
            twins.append(p, k, v);
        if (p > 20 && p % 5 == 0) // heads forget for themselves, and rows move
            for (int head = 0; head < kHeads; ++head) {
                std::vector<std::int32_t> leaving = {static_cast<std::int32_t>(p % 4 + head), 7 + head};
                if (p % 10 == 0)
                    leaving.resize(1);
                twins.evict(head, leaving, p + 1);
            }
        if (p >= 9 && (p % 5 != 0 || p <= 20)) // else the twin catches up before the next token
            compare(twins.cache, twins.twin);
    }
}

std::vector<Store> stores() {
    std::vector<Store> all;
    for (const int bits : {8, 4, 3, 2})
        all.push_back(KiviParams{.bits = bits, .group = 32, .residual = bits == 2 ? 64 : 32});
    for (const int bits : {4, 3, 2})
        all.push_back(KvquantParams{.bits = bits, .outliers = .05, .exact = 4 - bits});
    all.push_back(KvquantParams{.bits = 3, .outliers = 0, .exact = 1});
    for (const int recent : {0, 1, 12}) {
        all.push_back(CqParams{.channels = 4, .bits = 6, .recent = recent});
        all.push_back(CqParams{.channels = 8, .bits = 5, .recent = recent});
        all.push_back(CqParams{.channels = 1, .bits = 3, .recent = recent});
    }
    return all;
}

} // namespace

TEST_CASE("The GPU writes and codes mixed rows as the CPU does, byte for byte",
          "[core.engine.device.mixed][host]") {
    for (const Store& store : stores())
        for (const int headDim : {32, 64, 80})
            run(store, {.headDim = headDim});
}

TEST_CASE("Exact rows of any type become the CPU's codes", "[core.engine.device.mixed][host]") {
    for (const Store& store : stores())
        for (const ElementType type : {ElementType::F16, ElementType::BF16})
            run(store, {.type = type, .headDim = 96}, 70);
}

TEST_CASE("Copies of keys, sums and bounds follow rows that become codes", "[core.engine.device.mixed][host]") {
    for (const Store& store : stores()) {
        run(store, {.columns = true, .sum = true});
        run(store, {.page = 5});
    }
}

TEST_CASE("What is no number, and what no scale holds, is coded as the CPU codes it",
          "[core.engine.device.mixed][host]") {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (const Store& store : stores())
        for (const float odd :
             {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 1e30f, 7e4f, 0.f}) {
            INFO(toText({.store = store}) << ", " << odd);
            const Held held{.headDim = 32};
            std::mt19937 random(9);
            Twins twins(layoutOf(store, held));
            for (std::int64_t p = 0; p < 66; ++p) {
                auto k = madeUp(held.headDim, random), v = madeUp(held.headDim, random);
                if (p % 3 == 1) // of one KV head
                    k[3] = v[5] = odd;
                if (odd == 0) // all alike
                    std::fill(v.begin(), v.end(), odd);
                twins.append(p, k, v);
                compare(twins.cache, twins.twin);
            }
        }
}

TEST_CASE("A step that was lost leaves a twin that catches up", "[core.engine.device.mixed][host]") {
    for (const Store& store : stores()) {
        INFO(toText({.store = store}));
        const Held held{.headDim = 32};
        std::mt19937 random(11);
        Twins twins(layoutOf(store, held));
        for (std::int64_t p = 0; p < 66; ++p) {
            const auto k = madeUp(held.headDim, random), v = madeUp(held.headDim, random);
            if (p % 7 == 3) { // begun on the device, ended by the host alone
                twins.twin.prepare(twins.stream.get());
                twins.twin.beginStep();
                twins.appendOnHost(p, k, v);
                continue;
            }
            twins.append(p, k, v);
            compare(twins.cache, twins.twin);
        }
    }
}
