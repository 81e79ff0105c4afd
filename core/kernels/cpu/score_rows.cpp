#include "core/kernels/cpu/score_rows.h"

#include "core/kernels/cpu/attend_codes.h"
#include "core/kernels/cpu/attend_mixed.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/score_rows.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/attend-inl.h"
#include "core/kernels/cpu/mass-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

constexpr int kScoredAhead = 3 * 512; // bytes asked for ahead of those in work

// As many rows as are in work, further on. They may lie past the end of memory, where asking does no harm.
template <class Element>
struct RunAhead {
    const Element* first;
    int dims;

    template <int Step>
    HWY_INLINE void ask(int c, int i) const {
        prefetchLine<Step>(first + i * dims, c);
    }
};

// A run of rows one after the other.
template <class Element>
struct RunRows {
    const Element* base;
    int dims;
    int rowsAhead = std::max(1, kScoredAhead / static_cast<int>(sizeof(Element)) / dims);

    template <int Q>
    static constexpr int kAbreast = 8;

    template <int R>
    HWY_INLINE void find(int first, const Element* (&row)[R]) const {
        for (int i = 0; i < R; ++i)
            row[i] = base + std::int64_t{first + i} * dims;
    }
    template <int R, bool First>
    HWY_INLINE RunAhead<Element> ahead(int first) const {
        return {base + std::int64_t{first + rowsAhead} * dims, dims};
    }
};

template <class Loader>
struct ScoreRows {
    using Element = typename Loader::Element;

    template <class D>
    static void run(D d, const RowTable& table, std::int64_t first, std::int64_t last, int group,
                    const float* q, float* scores, std::int64_t stride, float* m, float* l, float softcap,
                    Traffic& moved) {
        const int dims = table.form.dims, perBlock = table.form.rows;
        for (std::int64_t row = first; row < last;) {
            const std::int64_t block = row / perBlock, at = row % perBlock;
            const int count =
                static_cast<int>(std::min<std::int64_t>({last - row, perBlock - at, kTileRows}));
            const RunRows<Element> rows{static_cast<const Element*>(table.blocks[block]) + at * dims,
                                        dims};
            forEachHeads(group, [&](auto q4, auto once, int h) HWY_ATTR {
                dotRows<Loader, q4.value, once.value>(d, rows, count, dims,
                                                      q + std::int64_t{h} * dims,
                                                      scores + h * stride + row, static_cast<int>(stride));
            });
            for (int h = 0; h < group; ++h) {
                capLogits(scores + h * stride + row, count, softcap);
                if (m)
                    addMass(scores + h * stride + row, count, m[h], l[h]);
            }
            moved[table.component] +=
                std::int64_t{count} * dims * static_cast<std::int64_t>(sizeof(Element));
            moved[Component::Scores] +=
                std::int64_t{count} * group * static_cast<std::int64_t>(sizeof(float));
            row += count;
        }
    }
};

void scoreRowsTarget(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q,
                     float* scores, std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    dispatchType<ScoreRows>(table.form.type, table.form.dims, table, first, last, group, q, scores, stride, m, l,
                            softcap, moved);
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(scoreRowsTarget);

void scoreRows(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q,
               float* scores, std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    if (table.mixed)
        return scoreMixed(table, first, last, group, q, scores, stride, m, l, softcap, moved);
    if (table.form.codes)
        return scoreCodes(table, first, last, group, q, scores, stride, m, l, softcap, moved);
    HWY_DYNAMIC_DISPATCH(scoreRowsTarget)
    (table, first, last, group, q, scores, stride, m, l, softcap, moved);
}

} // namespace fovea::cpu
#endif
