#include "core/kernels/cpu/score_columns.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/score_columns.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <algorithm>

#include "core/kernels/cpu/head_passes-inl.h"
#include "core/kernels/cpu/loader-inl.h"
#include "core/kernels/cpu/mass-inl.h"
#include "core/kernels/cpu/soft_cap-inl.h"
#include "core/kernels/cpu/softmax_state.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// The chosen columns of a run of slots of one block, and of the block that is read after it.
template <class Element>
struct ColumnRun {
    const Element* base;
    const Element* next;
    int perBlock;
    std::span<const std::int32_t> components;

    const Element* column(std::size_t c) const { return base + std::int64_t{components[c]} * perBlock; }
    // Column c where c may run on into the next block.
    const Element* later(std::size_t c) const {
        const std::size_t r = components.size();
        return c < r ? column(c) : next + std::int64_t{components[(c - r) % r]} * perBlock;
    }
};

// Bytes of a column asked for ahead of those in work, into L2: columns are short runs at random places, on which the
// hardware's own prefetching starts too late. A line is asked for with every line in work, those of the columns to
// come when these end; asked for at once, all of a column or its first lines, they are in each other's way.
constexpr int kColumnAhead = 2048;

// logits[h][0, count) (=, +=) Σ over C columns from c on of q[h][c]·column c; count is a multiple of what the
// loader takes at once. Until the last columns are in, the logits are in the loader's order.
template <class Loader, int Q, int C, bool First, class D>
HWY_INLINE void addColumns(D d, const ColumnRun<typename Loader::Element>& run, std::size_t c, int count,
                           const float* q, float* logits, std::int64_t stride) {
    using Element = typename Loader::Element;
    constexpr int kVectors = Loader::kVectors;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const std::size_t r = run.components.size();
    const bool last = c + C == r;
    const Element* column[C];
    const Element* later[C]; // what is read after the column
    hn::Vec<D> weight[C][Q];
    for (std::size_t i = 0; i < C; ++i) {
        column[i] = run.column(c + i);
        for (std::size_t h = 0; h < Q; ++h)
            weight[i][h] = hn::Set(d, q[h * r + c + i]);
        later[i] = run.later(c + i + C) - count;
    }
    constexpr int kLine = 64 / static_cast<int>(sizeof(Element));
    const int ahead = std::min(count, kColumnAhead / static_cast<int>(sizeof(Element)));
    for (int j = 0; j < count; j += kVectors * lanes) {
        hn::Vec<D> k[C][kVectors];
        for (int i = 0; i < C; ++i) {
            if (First && j % kLine == 0)
                __builtin_prefetch((j + ahead < count ? column[i] : later[i]) + j + ahead, 0, 2);
            Loader::loadRun(d, column[i] + j, k[i]);
        }
        for (int h = 0; h < Q; ++h) {
            float* const out = logits + h * stride + j;
            hn::Vec<D> sum[kVectors];
            for (int v = 0; v < kVectors; ++v) {
                sum[v] = c == 0 ? hn::Zero(d) : hn::LoadU(d, out + v * lanes);
                for (int i = 0; i < C; ++i)
                    sum[v] = hn::MulAdd(k[i][v], weight[i][h], sum[v]);
            }
            if constexpr (kVectors == 2) {
                if (last) {
                    hn::StoreInterleaved2(sum[0], sum[1], d, out);
                    continue;
                }
            }
            for (int v = 0; v < kVectors; ++v)
                hn::StoreU(sum[v], d, out + v * lanes);
        }
    }
}

template <class Loader, int Q, bool First, class D>
HWY_INLINE void scoreHeads(D d, const ColumnRun<typename Loader::Element>& run, int count, const float* q,
                           float* logits, std::int64_t stride) {
    constexpr std::size_t kColumns = Q == 1 ? 8 : 4; // as many as registers hold
    const std::size_t r = run.components.size();
    std::size_t c = 0;
    for (; c + kColumns <= r; c += kColumns)
        addColumns<Loader, Q, kColumns, First>(d, run, c, count, q, logits, stride);
    for (; c < r; ++c)
        addColumns<Loader, Q, 1, First>(d, run, c, count, q, logits, stride);
}

template <class Loader, class D>
HWY_INLINE void scoreRun(D d, const ColumnRun<typename Loader::Element>& run, int count, int group, const float* q,
                         float* logits, std::int64_t stride) {
    if (count == 0)
        return;
    const auto r = static_cast<std::int64_t>(run.components.size());
    forEachHeads(group, [&](auto heads, auto first, int h) HWY_ATTR {
        scoreHeads<Loader, heads.value, first.value>(d, run, count, q + h * r, logits + h * stride, stride);
    });
}

// `Loader` takes whole vectors, `TailLoader` what is left of a block, one slot at a time.
template <class Loader, class TailLoader>
HWY_INLINE void scoreSpan(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                          std::span<const std::int32_t> components, const float* q, float* logits,
                          std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    using Element = typename Loader::Element;
    const Widest wide;
    const int step = Loader::kVectors * static_cast<int>(hn::Lanes(wide));
    const int perBlock = cache.slotsPerBlock;
    for (std::int64_t slot = first; slot < last;) {
        const std::int64_t block = slot / perBlock, row = slot % perBlock;
        const int count = static_cast<int>(std::min<std::int64_t>(last - slot, perBlock - row));
        const int whole = count / step * step;
        const auto* const base = static_cast<const Element*>(cache.keyColumns[block]) + row;
        const bool more = slot + count < cache.slots;
        const auto* const next = more ? static_cast<const Element*>(cache.keyColumns[block + 1]) : base;
        scoreRun<Loader>(wide, {base, next, perBlock, components}, whole, group, q, logits + slot, stride);
        scoreRun<TailLoader>(Single(), {base + whole, base, perBlock, components}, count - whole, group, q,
                         logits + slot + whole, stride);
        for (int h = 0; h < group; ++h)
            capLogits(logits + h * stride + slot, count, softcap);
        if (m)
            for (int h = 0; h < group; ++h)
                addMass(logits + h * stride + slot, count, m[h], l[h]);
        moved[Component::KeyColumns] += static_cast<std::int64_t>(components.size() * sizeof(Element)) * count;
        moved[Component::Scores] += std::int64_t{count} * group * static_cast<std::int64_t>(sizeof(float));
        slot += count;
    }
}

void scoreColumnsTarget(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                        std::span<const std::int32_t> components, const float* q, float* logits,
                        std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    const auto as = [&](auto loader, auto tail) HWY_ATTR {
        scoreSpan<decltype(loader), decltype(tail)>(cache, first, last, group, components, q, logits, stride,
                                                    m, l, softcap, moved);
    };
    switch (cache.type) {
    case ElementType::F32: return as(F32Loader(), F32Loader());
    case ElementType::F16: return as(F16Loader(), F16Loader());
    case ElementType::BF16:
        if (std::endian::native == std::endian::little)
            return as(BF16PairLoader(), BF16Loader());
        return as(BF16Loader(), BF16Loader());
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(scoreColumnsTarget);

void scoreColumns(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                  std::span<const std::int32_t> components, const float* q, float* logits,
                  std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    if (m) {
        std::fill_n(m, group, kNoLogit);
        std::fill_n(l, group, 0.f);
    }
    scoreMoreColumns(cache, first, last, group, components, q, logits, stride, m, l, softcap, moved);
}

void scoreMoreColumns(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                      std::span<const std::int32_t> components, const float* q, float* logits,
                      std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    HWY_DYNAMIC_DISPATCH(scoreColumnsTarget)
    (cache, first, last, group, components, q, logits, stride, m, l, softcap, moved);
}

}  // namespace fovea::cpu
#endif
