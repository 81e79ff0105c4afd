#include "core/bench/bench_cache.h"

#include <cmath>
#include <cstring>

#include "core/kernels/cpu/kernels.h"

namespace fovea {
namespace {

constexpr int kSlotsPerBlock = 256;

// Uniform with variance 1: what matters is that no two tokens are alike.
float draw(std::uint64_t& state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (static_cast<float>(state >> 40) * 0x1p-24f - 0.5f) * std::sqrt(12.f);
}

}  // namespace

std::int64_t BenchCache::bytes(std::int64_t slots, int kvHeads, int headDim, ElementType type, bool keyColumns) {
    const std::int64_t blocks = (slots + kSlotsPerBlock - 1) / kSlotsPerBlock;
    return blocks * kSlotsPerBlock * kvHeads * headDim * elementBytes(type) * (keyColumns ? 3 : 2);
}

BenchCache::BenchCache(std::int64_t slots, int kvHeads, int headDim, ElementType type, bool keyColumns)
    : m_heads(static_cast<std::size_t>(kvHeads)) {
    std::uint64_t random = 0x9E3779B97F4A7C15ull;
    for (Head& head : m_heads) {
        head.sum.assign(static_cast<std::size_t>(headDim), 0.f);
        for (std::int64_t first = 0; first < slots; first += kSlotsPerBlock)
            fillBlock(head, std::min<std::int64_t>(kSlotsPerBlock, slots - first), random, headDim, type, keyColumns);
        m_views.push_back({head.keys.data(), head.values.data(), keyColumns ? head.columns.data() : nullptr,
                           head.sum.data(), slots, kSlotsPerBlock, headDim, type});
    }
}

void BenchCache::fillBlock(Head& head, std::int64_t liveSlots, std::uint64_t& random, int headDim,
                           ElementType type, bool keyColumns) {
    const auto d = static_cast<std::size_t>(headDim);
    const std::size_t n = kSlotsPerBlock * d;
    std::vector<float> keys(n), values(n), columns(keyColumns ? n : 0);
    for (float& x : keys)
        x = draw(random);
    for (float& x : values)
        x = draw(random);
    const auto take = [&](const std::vector<float>& numbers) {
        head.memory.push_back(alignedMemory(static_cast<std::int64_t>(n) * elementBytes(type)));
        cpu::convert(type, numbers.data(), head.memory.back().get(), static_cast<std::int64_t>(n));
        return head.memory.back().get();
    };
    head.keys.push_back(take(keys));
    head.values.push_back(take(values));
    for (std::size_t s = 0; s < static_cast<std::size_t>(liveSlots); ++s)
        for (std::size_t i = 0; i < d; ++i)
            head.sum[i] += values[s * d + i];
    if (!keyColumns)
        return;
    for (std::size_t i = 0; i < d; ++i)
        for (std::size_t s = 0; s < kSlotsPerBlock; ++s)
            columns[i * kSlotsPerBlock + s] = keys[s * d + i];
    head.columns.push_back(take(columns));
}

}  // namespace fovea
