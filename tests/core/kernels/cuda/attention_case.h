#pragma once
// One attention problem: made-up queries and a cache in blocks, run on a machine, and its answer in double
// precision.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/kernels/cuda/attend_turned.h"
#include "tests/core/kernels/cuda/case_rows.h"
#include "tests/core/kernels/cuda/mixed_case.h"

namespace fovea::cuda {

// What a step leaves behind.
struct Attended {
    std::vector<float> out;    // (H, d)
    std::vector<float> logits; // (H, slots), or (H, longest list); NaN where the kernel wrote nothing
    std::vector<float> tops, sums;
};

class AttentionCase {
public:
    explicit AttentionCase(const Geometry& geometry, unsigned seed = 1);

    // What lies in the rows of the last block that no live slot owns; NaN unless told.
    float behindTheLastSlot;
    // Live slots of each KV head; all the geometry's unless changed, and never more.
    std::vector<std::int64_t> slots;
    float scale; // 1/√d unless changed
    float softcap = 0;
    std::vector<float> q; // (H, d)
    // What each query head sees, (H) or empty: all; positions are the slots' numbers unless changed, (G, slots).
    std::vector<HeadSight> sights;
    std::vector<std::int64_t> positions;
    // Slots that are met by queries of their own, (turned, H, d), and by no others.
    std::vector<std::int32_t> turned;
    std::vector<float> turnedQ;
    bool reported = false; // with a LogitReport
    // Lists of KV heads, or of query heads; empty: all slots are attended to.
    std::vector<std::vector<std::int32_t>> lists;
    std::vector<float> alphas; // (H); empty: no mean
    bool meanPerQueryHead = false;
    // The kernel is given the logits of all slots, and weighs the listed ones by their share of all, or of each other.
    enum class Known { Not, ShareOfAll, ShareOfListed };
    Known known = Known::Not;

    // Rows (G, slots, d), as the cache gives them back.
    float key(int kvHead, std::int64_t slot, int c) const { return m_keys[at(kvHead, slot, c)]; }
    float value(int kvHead, std::int64_t slot, int c) const { return m_values[at(kvHead, slot, c)]; }
    void setKey(int kvHead, std::int64_t slot, int c, float x);
    void setValue(int kvHead, std::int64_t slot, int c, float x);
    // From now on the rows are those of a mixed store, at the positions of this moment.
    void mix(const MixedShape& shape);
    // A component of a mixed row becomes no number; who shares a key's side with it is spoilt too.
    void spoil(bool keys, int kvHead, std::int64_t slot);
    bool sharesSide(int kvHead, std::int64_t a, std::int64_t b) const {
        return m_mixed->sameSide(kvHead, a, b);
    }

    int heads() const { return m_geometry.kvHeads * m_geometry.group; }
    // The kernel finds NaN in all that it is to write, and in its scratch; throws if it writes past the end.
    Attended attend(Stream stream) const;
    std::vector<float> run(Stream stream) const { return attend(stream).out; }
    // By the definition: no blocks, no splits, no tricks.
    std::vector<double> truth() const;                  // (H, d)
    std::vector<std::int32_t> attended(int head) const; // slots, in order; of which the head may not see all
    bool sees(int head, std::int64_t slot) const;
    double logit(int head, std::int64_t slot) const;

private:
    std::size_t at(int kvHead, std::int64_t slot, int c) const;
    std::vector<double> meanValue(int head) const;    // (d)
    double massOfAll(int head, double largest) const; // Σ exp(logit − largest) over what the head sees
    void addKnown(const AttendAll& step, const SlotLists& listed, Stream stream) const;
    void attendTurned(const AttendAll& step, Stream stream) const;
    void attendListed(const AttendAll& step, const SlotLists& listed, Stream stream) const;
    std::int64_t longestList() const;

    Geometry m_geometry;
    std::vector<float> m_rawKeys, m_rawValues, m_keys, m_values;
    std::optional<MixedCase> m_mixed;
};

} // namespace fovea::cuda
