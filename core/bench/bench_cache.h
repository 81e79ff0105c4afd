#pragma once
// The KV cache of one layer with numbers of a normal cache's size in it, for measuring kernels: blocks as the
// real cache lays them out, filled at once instead of token by token.

#include <cstdint>
#include <vector>

#include "core/bench/read_bandwidth.h"
#include "core/cache/kv_view.h"

namespace fovea {

class BenchCache {
public:
    // Throws std::bad_alloc.
    BenchCache(std::int64_t slots, int kvHeads, int headDim, ElementType type, bool keyColumns);

    const std::vector<KvView>& views() const { return m_views; }  // one per KV head

    static std::int64_t bytes(std::int64_t slots, int kvHeads, int headDim, ElementType type, bool keyColumns);

private:
    struct Head {
        std::vector<AlignedMemory> memory;
        std::vector<const void*> keys, values, columns;
        std::vector<float> sum;
    };
    void fillBlock(Head& head, std::int64_t liveSlots, std::uint64_t& random, int headDim, ElementType type,
                   bool keyColumns);

    std::vector<Head> m_heads;
    std::vector<KvView> m_views;
};

}  // namespace fovea
