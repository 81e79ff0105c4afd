#pragma once
// Keys in blocks and the queries that meet them, for the kernels that choose what is read: one problem, run on a
// machine, and its answer from the definition in double precision.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/kernels/cuda/reads.h"
#include "tests/core/kernels/cuda/case_rows.h"
#include "tests/core/kernels/cuda/device_blocks.h"
#include "tests/core/kernels/cuda/mixed_case.h"

namespace fovea::cuda {

struct ReadGeometry {
    ElementType type = ElementType::F32;
    int kvHeads = 1; // G
    int group = 1;   // H/G
    int headDim = 32;
    std::int64_t slots = 1;
    int slotsPerBlock = 64;
    RowCodes codes = {}; // of rows that are no floats; columns and bounds are

    std::string text() const;
    Geometry rows() const { return {type, kvHeads, group, headDim, slots, 1, slotsPerBlock, codes}; }
};

// Made-up queries and keys. Members may be changed before a run.
class ReadCase {
public:
    explicit ReadCase(const ReadGeometry& geometry, unsigned seed = 1);

    ReadGeometry geometry;
    float behindTheLastSlot;         // in what no live slot owns; NaN unless told
    std::vector<std::int64_t> slots; // live, of each KV head; never more than the geometry's
    float scale;                     // 1/√d unless changed
    float softcap = 0;
    std::vector<float> q; // (H, d)
    // What each query head sees, (H) or empty: all; positions are the slots' numbers unless changed, (G, slots).
    std::vector<HeadSight> sights;
    std::vector<std::int64_t> positions;
    // Slots that are met by queries of their own, (turned, H, d), and that the sights hide from all others.
    std::vector<std::int32_t> turned;
    std::vector<float> turnedQ;

    bool sees(int head, std::int64_t slot) const;
    // Does any query head of a group see a slot? Of how many of the live ones?
    bool anySees(int kvHead, std::int64_t slot) const;
    std::int64_t seen(int kvHead) const;

    int heads() const { return geometry.kvHeads * geometry.group; }
    std::int64_t live(int kvHead) const { return slots[static_cast<std::size_t>(kvHead)]; }
    std::int64_t blocksPerHead() const;
    // As it is stored.
    float key(int kvHead, std::int64_t slot, int c) const { return m_keys[at(kvHead, slot, c)]; }
    // The query of a head that meets a slot: (d).
    const float* queryFor(int head, std::int64_t slot) const;
    // What is summed of chosen slots: the keys under another name, but for mixed rows.
    float value(int kvHead, std::int64_t slot, int c) const {
        return (m_mixed ? m_values : m_keys)[at(kvHead, slot, c)];
    }
    void setKey(int kvHead, std::int64_t slot, int c, float x);
    // From now on the rows are those of a mixed store, at the positions of this moment.
    void mix(const MixedShape& shape);
    // A component of a mixed key becomes no number; who shares its side is spoilt too.
    void spoil(int kvHead, std::int64_t slot) { m_mixed->spoil(true, kvHead, slot); }
    // The mixed rows on a machine; nothing where they are others.
    std::optional<MixedOnMachine> mixed() const;

    // Blocks of slotsPerBlock rows, and of (d, slotsPerBlock).
    DeviceBlocks rows() const;
    DeviceBlocks columns() const;
    // A row of stride floats can hold the logits of the longest head.
    std::int64_t stride() const { return (geometry.slots + 7) / 4 * 4; }
    // All but the pointers.
    ReadStep step() const;

    // The softmax over a query head's logits, each by logitOf(slot), -∞ of what is not seen: m, l and the weights, in double.
    struct Softmax {
        double top, sum;
        std::vector<double> weights;
    };
    template <class LogitOf>
    static Softmax softmax(std::int64_t count, const LogitOf& logitOf);

private:
    std::size_t at(int kvHead, std::int64_t slot, int c) const;
    float stored(int kvHead, std::int64_t slot, int c) const;

    std::vector<float> m_rawKeys, m_keys; // as they came; as they are stored
    std::vector<float> m_values;          // of mixed rows
    std::optional<MixedCase> m_mixed;
};

// A problem's queries, numbers of slots and sights on a machine.
class UploadedStep {
public:
    explicit UploadedStep(const ReadCase& problem);

    ReadStep step;

private:
    machine::Buffer m_q, m_live, m_sights, m_positions, m_table;
};

// What a choice left of one KV head.
std::vector<std::int32_t> rowOf(const std::vector<std::int32_t>& slots, std::int64_t most, int kvHead,
                                std::int32_t count);

// "" when `chosen` are the n of `values` that are largest, `always` among them, ascending; where values differ by less
// than `tolerance` either may have been taken. Else what is wrong.
std::string wrongChoice(const std::vector<std::int32_t>& chosen, const std::vector<double>& values,
                        std::int64_t n, const std::vector<std::int32_t>& always, double tolerance);

} // namespace fovea::cuda

#include <cmath>

namespace fovea::cuda {

template <class LogitOf>
ReadCase::Softmax ReadCase::softmax(std::int64_t count, const LogitOf& logitOf) {
    Softmax result{-std::numeric_limits<double>::infinity(), 0, {}};
    for (std::int64_t slot = 0; slot < count; ++slot) {
        result.weights.push_back(logitOf(slot));
        result.top = std::fmax(result.top, result.weights.back());
    }
    for (double& weight : result.weights)
        result.sum += weight = std::isinf(weight) && weight < 0 ? 0 : std::exp(weight - result.top);
    for (double& weight : result.weights)
        weight /= result.sum != 0 ? result.sum : 1;
    return result;
}

} // namespace fovea::cuda
