#include "core/kernels/cpu/attend_codes.h"

#include "core/kernels/cpu/score_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/attend_codes.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/coded_rows-inl.h"
#include "core/kernels/cpu/mass-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// One tile: scores, exponentials, weighted values. The logits go to `spill`, in order.
template <int kBits, class Rows>
HWY_INLINE void attendTileOfCodes(const CodedShape& shape, const Rows& keys, const Rows& values, int count, int group,
                                  const float* q, const SoftmaxState& state, float softcap, const LogitSpill& spill,
                                  PassQueries& pass) {
    HWY_ALIGN float scores[kTileScores];
    CodedTile tile;
    for (int first = 0; first < group; first += kTileHeads) {
        const int heads = std::min(kTileHeads, group - first);
        scoreCodes<kBits>(shape, keys, count, heads, q + first * shape.dims, scores, shape.tile, pass, tile);
        for (int h = 0; h < heads; ++h) {
            float* const row = scores + h * shape.tile;
            capLogits(row, count, softcap);
            if (spill.to)
                std::copy_n(row, count, spill.ofHead(first + h).to);
            expTile(row, count, state.m[first + h], state.l[first + h], state.o + (first + h) * shape.dims, shape.dims);
        }
        addCodedValues<kBits>(shape, values, count, heads, scores, shape.tile, state.o + first * shape.dims, tile);
    }
}

// The rows of the block from `slot` on.
HWY_INLINE RunOfCodes runOf(const void* const* blocks, std::int64_t slot, const RowForm& form) {
    return {static_cast<const std::uint8_t*>(blocks[slot / form.rows]), slot % form.rows, form};
}

// visit(first, count) for runs of at most shape.tile rows of one block.
template <class Visit>
HWY_INLINE void forEachTile(const CodedShape& shape, std::int64_t first, std::int64_t last, const Visit& visit) {
    const std::int64_t perBlock = shape.form.rows;
    while (first < last) {
        const std::int64_t count = std::min({last - first, perBlock - first % perBlock, std::int64_t{shape.tile}});
        visit(first, static_cast<int>(count));
        first += count;
    }
}

void attendCodesTarget(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                       const SoftmaxState& state, float softcap, const LogitSpill& spill, Traffic& moved) {
    const CodedShape shape(cache.rows(), group);
    PassQueries pass;
    ofBits(cache.codes->bits, [&](auto bits) HWY_ATTR {
        forEachTile(shape, first, last, [&](std::int64_t slot, int count) HWY_ATTR {
            const RunOfCodes values = runOf(cache.values, slot, shape.form);
            values.askToDescribe(count);
            if (slot + count < last)
                runOf(cache.keys, slot + count, shape.form).askToDescribe(count);
            attendTileOfCodes<bits()>(shape, runOf(cache.keys, slot, shape.form), values, count, group, q, state,
                                      softcap, spill.from(slot), pass);
            moved[Component::Scores] += spill.bytes(count, group);
            shape.form.count(moved, Component::Keys, count);
            shape.form.count(moved, Component::Values, count);
        });
    });
}

void attendCodesOfListTarget(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                             const SoftmaxState& state, float softcap, const LogitSpill& spill, Traffic& moved) {
    const CodedShape shape(cache.rows(), group);
    PassQueries pass;
    ofBits(cache.codes->bits, [&](auto bits) HWY_ATTR {
        for (std::size_t first = 0; first < slots.size(); first += static_cast<std::size_t>(shape.tile)) {
            const int count = static_cast<int>(std::min(slots.size() - first, static_cast<std::size_t>(shape.tile)));
            const auto rows = [&](const void* const* table) {
                return ListOfCodes{table, slots.data() + first, shape.form};
            };
            attendTileOfCodes<bits()>(shape, rows(cache.keys), rows(cache.values), count, group, q, state, softcap,
                                      spill.from(static_cast<std::int64_t>(first)), pass);
            moved[Component::Scores] += spill.bytes(count, group);
            moved[Component::Indices] += count * static_cast<std::int64_t>(sizeof(std::int32_t));
            shape.form.count(moved, Component::Keys, count);
            shape.form.count(moved, Component::Values, count);
        }
    });
}

void addCodedValuesTarget(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
                          std::int64_t stride, float* o, Traffic& moved) {
    const CodedShape shape(cache.rows(), group);
    CodedTile tile;
    ofBits(cache.codes->bits, [&](auto bits) HWY_ATTR {
        for (std::size_t first = 0; first < slots.size(); first += static_cast<std::size_t>(shape.tile)) {
            const int count = static_cast<int>(std::min(slots.size() - first, static_cast<std::size_t>(shape.tile)));
            addCodedValues<bits()>(shape, ListOfCodes{cache.values, slots.data() + first, shape.form}, count, group,
                                   p + first, stride, o, tile);
            moved[Component::Indices] += count * static_cast<std::int64_t>(sizeof(std::int32_t));
            shape.form.count(moved, Component::Values, count);
        }
    });
}

void scoreCodesTarget(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q,
                      float* scores, std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    const CodedShape shape(table.form, group);
    PassQueries pass;
    CodedTile tile;
    ofBits(table.form.codes->bits, [&](auto bits) HWY_ATTR {
        forEachTile(shape, first, last, [&](std::int64_t row, int count) HWY_ATTR {
            scoreCodes<bits()>(shape, runOf(table.blocks, row, shape.form), count, group, q, scores + row, stride, pass, tile);
            for (int h = 0; h < group; ++h) {
                capLogits(scores + h * stride + row, count, softcap);
                if (m)
                    addMass(scores + h * stride + row, count, m[h], l[h]);
            }
            shape.form.count(moved, table.component, count);
            moved[Component::Scores] += std::int64_t{count} * group * static_cast<std::int64_t>(sizeof(float));
        });
    });
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(attendCodesTarget);
HWY_EXPORT(attendCodesOfListTarget);
HWY_EXPORT(addCodedValuesTarget);
HWY_EXPORT(scoreCodesTarget);

void attendCodes(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                 const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    HWY_DYNAMIC_DISPATCH(attendCodesTarget)(cache, first, last, group, q, state, softcap, spill, moved);
}

void attendCodesOfList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                       const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill) {
    HWY_DYNAMIC_DISPATCH(attendCodesOfListTarget)(cache, slots, group, q, state, softcap, spill, moved);
}

void addCodedValues(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
                    std::int64_t stride, float* o, Traffic& moved) {
    HWY_DYNAMIC_DISPATCH(addCodedValuesTarget)(cache, slots, group, p, stride, o, moved);
}

void scoreCodes(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q, float* scores,
                std::int64_t stride, float* m, float* l, float softcap, Traffic& moved) {
    HWY_DYNAMIC_DISPATCH(scoreCodesTarget)(table, first, last, group, q, scores, stride, m, l, softcap, moved);
}

}  // namespace fovea::cpu
#endif
