#pragma once
// One attention problem: made-up queries and a cache in blocks, run on a machine, and its answer in double
// precision.

#include <cstdint>
#include <string>
#include <vector>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {

struct Geometry {
    ElementType type = ElementType::F32;
    int kvHeads = 1;  // G
    int group = 1;    // H/G
    int headDim = 64;
    std::int64_t slots = 1;
    int splits = 1;
    int slotsPerBlock = 64;

    std::string text() const;
};

class AttentionCase {
public:
    explicit AttentionCase(const Geometry& geometry, unsigned seed = 1);

    // What lies in the rows of the last block that no live slot owns; NaN unless told.
    float behindTheLastSlot;
    // Live slots of each KV head; all the geometry's unless changed, and never more.
    std::vector<std::int64_t> slots;
    float scale;           // 1/√d unless changed
    std::vector<float> q;  // (H, d)
    // Rows (G, slots, d), rounded to the cache's type by `store`.
    float key(int kvHead, std::int64_t slot, int c) const { return m_keys[at(kvHead, slot, c)]; }
    float value(int kvHead, std::int64_t slot, int c) const { return m_values[at(kvHead, slot, c)]; }
    void setKey(int kvHead, std::int64_t slot, int c, float x) { m_keys[at(kvHead, slot, c)] = round(x); }
    void setValue(int kvHead, std::int64_t slot, int c, float x) { m_values[at(kvHead, slot, c)] = round(x); }

    int heads() const { return m_geometry.kvHeads * m_geometry.group; }
    // (H, d). The kernel finds NaN in `out` and in its scratch; throws if it writes past the end of either.
    std::vector<float> run(Stream stream) const;
    // (H, d), by the definition: no blocks, no splits, no tricks.
    std::vector<double> truth() const;

private:
    std::size_t at(int kvHead, std::int64_t slot, int c) const;
    float round(float x) const;

    Geometry m_geometry;
    std::vector<float> m_keys, m_values;
};

}  // namespace fovea::cuda
