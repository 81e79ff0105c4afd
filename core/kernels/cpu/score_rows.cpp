#include "core/kernels/cpu/score_rows.h"

#include "core/kernels/cpu/attend_codes.h"
#include "core/kernels/cpu/attend_mixed.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/score_rows.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/block_rows-inl.h"
#include "core/kernels/cpu/mass-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

template <class Loader>
struct ScoreRows {
    using Element = typename Loader::Element;

    template <class D>
    static void run(D d, const RowTable& table, std::int64_t first, std::int64_t last, int group,
                    const float* q, float* scores, std::int64_t scoresOfHead, float* m, float* l,
                    float softcap, Traffic& moved) {
        const int dims = table.form.dims, perBlock = table.form.rows;
        const auto rowAt = [&](std::int64_t row) {
            return static_cast<const Element*>(table.blocks[row / perBlock]) + row % perBlock * dims;
        };
        HWY_ALIGN float logits[kTileScores];
        for (std::int64_t row = first; row < last;) {
            const int stride = tileRows(group);
            const int count = static_cast<int>(
                std::min<std::int64_t>({last - row, perBlock - row % perBlock, std::int64_t{stride}}));
            const Element* const base = rowAt(row);
            const BlockRows<Element> keys{base, dims, count, row + count < last ? rowAt(row + count) : base};
            for (int begin = 0; begin < group; begin += kTileHeads) {
                const int heads = std::min(kTileHeads, group - begin);
                forEachHeads(heads, [&](auto q4, auto once, int h) HWY_ATTR {
                    dotRows<Loader, q4.value, once.value>(d, keys, count, dims,
                                                          q + std::int64_t{begin + h} * dims,
                                                          logits + h * stride, stride);
                });
                for (int h = 0; h < heads; ++h) {
                    float* const to = scores + (begin + h) * scoresOfHead + row;
                    keys.inOrder(logits + h * stride, to);
                    capLogits(to, count, softcap);
                    if (m)
                        addMass(to, count, m[begin + h], l[begin + h]);
                }
            }
            moved[table.component] += std::int64_t{count} * dims * static_cast<std::int64_t>(sizeof(Element));
            moved[Component::Scores] +=
                std::int64_t{count} * group * static_cast<std::int64_t>(sizeof(float));
            row += count;
        }
    }
};

void scoreRowsTarget(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q,
                     float* scores, std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    dispatchType<ScoreRows>(table.form.type, table.form.dims, table, first, last, group, q, scores, stride, m,
                            l, softcap, moved);
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
