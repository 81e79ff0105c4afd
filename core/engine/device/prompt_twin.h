#pragma once
// K and V of a prompt in floats on the device, where its kernels cannot read the cache's own rows there; gone with the next
// step. Either its queries see rows as they come, of which the store makes codes (readsPromptInFloats): what PromptRows is on the
// host. Or they see what a store of mixed rows makes of them, which is decided row by row as tokens come: by the host's cache,
// as a chunk's rows are given to it, layer by layer.
//
// It takes 4·2·d bytes per KV head of every owner and token, in blocks. Rows lie by position; those that came before the
// prompt lie here too, as the host's cache gives them back.

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/engine/device/room.h"
#include "core/kernels/cuda/cache_writes.h"

namespace fovea {

class KvCache;
class PromptRows;

class PromptTwin {
public:
    // Both outlive it. `cache` holds every token that a query of the prompt may see; without `rows` they see what it holds.
    PromptTwin(const KvCache& cache, const PromptRows* rows);

    // Catches up with what the host has of tokens before `first`, and makes room for `count` more. Throws cuda::OutOfMemory;
    // whoever asks again finds it as if nothing had been tried.
    void prepare(std::int64_t first, std::int64_t count, cuda::Stream stream);
    // The host's cache was given `layer`'s rows of the chunk: here they are as it holds them now, and those before them that it
    // made codes of meanwhile. Takes no memory.
    void readBack(int layer, std::int64_t count, cuda::Stream stream);
    // As kernels take the rows that `layer` reads, those of slot s being position s; good until the next prepare.
    cuda::CacheBlocks blocks(int layer) const;
    // All layers have been given the rows of so many tokens.
    void wrote(std::int64_t count) { m_tokens += count; }

private:
    static constexpr std::int64_t kSlots = 256; // of a block

    float* rowsOf(int layer, int part, int kvHead, std::int64_t block) const;
    void makeRoom(std::int64_t tokens);
    void catchUp(std::int64_t first, cuda::Stream stream);
    void copyHead(int layer, int kvHead, std::int64_t from, std::int64_t end, cuda::Stream stream);
    void copyRows(int layer, int part, int kvHead, const at::Tensor& rows, std::int64_t from,
                  cuda::Stream stream);
    void writeTables(std::int64_t live, cuda::Stream stream);

    const KvCache& m_cache;
    const PromptRows* m_rows;
    std::int64_t m_heads, m_dims; // G, d
    std::int64_t m_tokens = 0;    // that are here
    std::vector<std::vector<cuda::DeviceBuffer>>
        m_blocks;                   // (layers, blocks) of (2, G, kSlots, d); none: it borrows
    Room<void*> m_tables;           // (layers, 2, G, blocks)
    Room<std::int64_t> m_live;      // (layers, G)
    Room<std::int32_t> m_next;      // (layers, G)
    Room<std::int64_t> m_positions; // (G, blocks·kSlots), of all layers alike
    Room<std::int32_t> m_byAge;
};

} // namespace fovea
