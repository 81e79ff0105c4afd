#pragma once
// A small owner of KV blocks for kernel tests. Every block is an allocation of its own, exactly as long as it
// must be, and whatever no slot has written is NaN, so that a kernel that looks where it must not is found out.

#include <cstdint>
#include <vector>

#include "core/cache/kv_view.h"

namespace fovea::test {

struct AttentionShape {
    int queryHeads = 1, kvHeads = 1, headDim = 32;
    std::int64_t slots = 1;
    ElementType type = ElementType::F32;
    int slotsPerBlock = 256;

    int group() const { return queryHeads / kvHeads; }
};

class KvBlocks {
public:
    explicit KvBlocks(const AttentionShape& shape);
    // Fills every row with normal numbers, rounded to the type, and brings column copy and value sums along.
    void fill(std::uint32_t seed);

    void setKey(int head, std::int64_t slot, const std::vector<float>& row);    // both copies
    void setValue(int head, std::int64_t slot, const std::vector<float>& row);  // leaves the sum alone
    void setKeyRow(int head, std::int64_t slot, const std::vector<float>& row);
    void setKeyColumn(int head, std::int64_t slot, int component, float value);
    void sumValues();

    // As stored, widened.
    std::vector<float> key(int head, std::int64_t slot) const;
    std::vector<float> value(int head, std::int64_t slot) const;
    const std::vector<float>& valueSum(int head) const { return m_heads[static_cast<std::size_t>(head)].sum; }

    const AttentionShape& shape() const { return m_shape; }
    const std::vector<KvView>& views() const { return m_views; }

private:
    using Block = std::vector<unsigned char>;
    struct Head {
        std::vector<Block> keys, values, columns;
        std::vector<const void*> keyTable, valueTable, columnTable;
        std::vector<float> sum;
    };
    void write(Block& block, std::int64_t index, float value) const;
    float read(const Block& block, std::int64_t index) const;
    std::vector<float> row(const std::vector<Block>& blocks, std::int64_t slot) const;

    AttentionShape m_shape;
    std::vector<Head> m_heads;
    std::vector<KvView> m_views;
};

// n numbers from a normal distribution, the same for the same seed on every machine.
std::vector<float> normals(std::size_t n, std::uint32_t seed);
// The nearest number of `type`, by the bits, independent of the kernels.
float rounded(ElementType type, float value);

}  // namespace fovea::test
