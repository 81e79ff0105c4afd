#include "core/kernels/cpu/score_columns.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/score_columns.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>

#include "core/kernels/cpu/loader-inl.h"
#include "core/kernels/cpu/softmax_state.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// The columns of one block from one of its rows on.
template <class Element>
struct BlockColumns {
    const Element* base;
    int perBlock;

    const Element* at(std::int32_t component) const { return base + std::int64_t{component} * perBlock; }
};

// logits[h][0, count) (=, +=) Σ over C columns of q[h][c]·column c, count a multiple of the vector length.
template <class Loader, int Q, int C, class D>
HWY_INLINE void addColumns(D d, const BlockColumns<typename Loader::Element>& columns,
                           std::span<const std::int32_t> components, std::size_t c, int count, const float* q,
                           float* logits, std::int64_t stride) {
    const int lanes = static_cast<int>(hn::Lanes(d));
    const std::size_t r = components.size();
    const typename Loader::Element* column[C];
    const typename Loader::Element* ahead[C];
    hn::Vec<D> weight[C][Q];
    for (std::size_t i = 0; i < C; ++i) {
        column[i] = columns.at(components[c + i]);
        ahead[i] = columns.at(components[std::min(c + i + C, r - 1)]);
        for (std::size_t h = 0; h < Q; ++h)
            weight[i][h] = hn::Set(d, q[h * r + c + i]);
    }
    for (int j = 0; j < count; j += lanes) {
        hn::Vec<D> k[C];
        for (int i = 0; i < C; ++i) {
            hwy::Prefetch(ahead[i] + j);
            k[i] = Loader::load(d, column[i] + j);
        }
        for (int h = 0; h < Q; ++h) {
            float* const out = logits + h * stride + j;
            auto sum = c == 0 ? hn::Mul(k[0], weight[0][h]) : hn::MulAdd(k[0], weight[0][h], hn::LoadU(d, out));
            for (int i = 1; i < C; ++i)
                sum = hn::MulAdd(k[i], weight[i][h], sum);
            hn::StoreU(sum, d, out);
        }
    }
}

template <class Loader, int Q, class D>
HWY_INLINE void scoreHeads(D d, const BlockColumns<typename Loader::Element>& columns,
                           std::span<const std::int32_t> components, int count, const float* q, float* logits,
                           std::int64_t stride) {
    const std::size_t r = components.size();
    std::size_t c = 0;
    for (; c + 4 <= r; c += 4)
        addColumns<Loader, Q, 4>(d, columns, components, c, count, q, logits, stride);
    for (; c < r; ++c)
        addColumns<Loader, Q, 1>(d, columns, components, c, count, q, logits, stride);
}

template <class Loader, class D>
HWY_INLINE void scoreRun(D d, const BlockColumns<typename Loader::Element>& columns,
                         std::span<const std::int32_t> components, int count, int group, const float* q,
                         float* logits, std::int64_t stride) {
    if (count == 0)
        return;
    const std::int64_t r = static_cast<std::int64_t>(components.size());
    int h = 0;
    for (; h + 4 <= group; h += 4)
        scoreHeads<Loader, 4>(d, columns, components, count, q + h * r, logits + h * stride, stride);
    for (; h + 2 <= group; h += 2)
        scoreHeads<Loader, 2>(d, columns, components, count, q + h * r, logits + h * stride, stride);
    for (; h < group; ++h)
        scoreHeads<Loader, 1>(d, columns, components, count, q + h * r, logits + h * stride, stride);
}

// (m, l) brought up to date with logits[0, count), which stay as they are.
inline HWY_ATTR void addMass(const float* logits, int count, float& m, float& l) {
    const hn::ScalableTag<float> d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const int whole = count / lanes * lanes;
    auto tops = hn::Set(d, m);
    for (int i = 0; i < whole; i += lanes)
        tops = hn::Max(tops, hn::LoadU(d, logits + i));
    float top = hn::GetLane(hn::MaxOfLanes(d, tops));
    for (int i = whole; i < count; ++i)
        top = std::max(top, logits[i]);
    if (top == kNoLogit)
        return;
    const auto shift = hn::Set(d, top);
    auto sums = hn::Zero(d);
    for (int i = 0; i < whole; i += lanes)
        sums = hn::Add(sums, hn::Exp(d, hn::Sub(hn::LoadU(d, logits + i), shift)));
    l = l * rescale(m, top) + hn::GetLane(hn::SumOfLanes(d, sums));
    for (int i = whole; i < count; ++i)
        l += std::exp(logits[i] - top);
    m = top;
}

template <class Loader>
HWY_INLINE void scoreSpan(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                          std::span<const std::int32_t> components, const float* q, float* logits,
                          std::int64_t stride, float* m, float* l, Traffic& moved) {
    using Element = typename Loader::Element;
    const Widest wide;
    const int lanes = static_cast<int>(hn::Lanes(wide));
    const int perBlock = cache.slotsPerBlock;
    for (std::int64_t slot = first; slot < last;) {
        const std::int64_t block = slot / perBlock, row = slot % perBlock;
        const int count = static_cast<int>(std::min<std::int64_t>(last - slot, perBlock - row));
        const int whole = count / lanes * lanes;
        const BlockColumns<Element> columns{static_cast<const Element*>(cache.keyColumns[block]) + row, perBlock};
        scoreRun<Loader>(wide, columns, components, whole, group, q, logits + slot, stride);
        const BlockColumns<Element> tail{columns.base + whole, perBlock};
        scoreRun<Loader>(Single(), tail, components, count - whole, group, q, logits + slot + whole, stride);
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
                        std::int64_t stride, float* m, float* l, Traffic& moved) {
    switch (cache.type) {
    case ElementType::F32:
        return scoreSpan<F32Loader>(cache, first, last, group, components, q, logits, stride, m, l, moved);
    case ElementType::F16:
        return scoreSpan<F16Loader>(cache, first, last, group, components, q, logits, stride, m, l, moved);
    case ElementType::BF16:
        return scoreSpan<BF16Loader>(cache, first, last, group, components, q, logits, stride, m, l, moved);
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(scoreColumnsTarget);

void scoreColumns(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                  std::span<const std::int32_t> components, const float* q, float* logits, std::int64_t stride,
                  float* m, float* l, Traffic& moved) {
    if (m) {
        std::fill_n(m, group, kNoLogit);
        std::fill_n(l, group, 0.f);
    }
    HWY_DYNAMIC_DISPATCH(scoreColumnsTarget)
    (cache, first, last, group, components, q, logits, stride, m, l, moved);
}

}  // namespace fovea::cpu
#endif
