#pragma once
// A text's cache on the GPU: the same rows in the same slots as the KvCache it follows, byte for byte.
//
// The host's cache stays the one that decides: which token leaves, and what is held. Kernels write a step's rows on the
// device, the host writes the same ones a moment later, and what happened on the host alone (a prompt read there, an
// eviction) is copied over before the next step. So a run may change its device, or lose it, and nothing is lost.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/cache/slot_follower.h"
#include "core/engine/device/mixed_twin.h"
#include "core/kernels/cuda/cache_writes.h"
#include "core/kernels/cuda/device_memory.h"

namespace fovea {

// By how much tables grow: those of a text that shares launches with others in great steps, since all of them then have
// tables of the same form.
enum class TableGrowth { Alone = 2, Shared = 8 };

class CacheTwin final : public SlotFollower {
public:
    // Follows `cache`, which must outlive it, from now on.
    explicit CacheTwin(KvCache& cache);
    ~CacheTwin() override;
    CacheTwin(const CacheTwin&) = delete;
    CacheTwin& operator=(const CacheTwin&) = delete;

    // Catches up with the cache, and makes room for so many more tokens in every KV head. Throws cuda::OutOfMemory; whoever
    // asks again later finds it as if nothing had been tried.
    void prepare(cuda::Stream stream, std::int64_t tokens = 1, TableGrowth growth = TableGrowth::Alone);
    // As kernels take the rows that `layer` reads, its own or its owner's; good until the next prepare.
    cuda::CacheBlocks blocks(int layer) const;
    // May kernels find these tables by those of `other`? And then how far from there they lie: its words.
    bool liesAs(const CacheTwin& other) const;
    cuda::TextPlace placeFrom(const CacheTwin& first) const;
    // The positions of every KV head's slots: (G) pointers, on the device.
    const std::int64_t* const* positionRows(int layer) const;

    // From the first kernel that writes rows here until the host has the same ones. Between the two the cache may write
    // what it is given; where the second never comes all is copied anew.
    void beginStep() { m_stepping = true; }
    void endStep() { m_stepping = false; }

    std::int64_t bytes() const; // of device memory taken

    void happened(int layer, int kvHead, const SlotEvent& event) override;
    void coded(int layer, int kvHead, Component rows, std::int32_t slot) override;
    const KvCache& cache() const { return m_cache; }

private:
    struct Head {                                                      // of an owner
        std::vector<cuda::DeviceBuffer> keys, values, columns, bounds; // one per block
        std::vector<char> staleRows, staleBounds;                      // blocks to copy
    };
    struct Layer {
        std::vector<Head> heads; // (G) or empty: it borrows
        bool staleTables = true;
    };
    // Where the tables of one layer lie, in bytes from its beginning.
    struct TableForm {
        explicit TableForm(const CacheLayout& layout = {}, std::int64_t room = 0);
        std::int64_t blocks = 0, pages = 0, boundBlocks = 0; // of each KV head
        std::size_t live, next, positions, byAge, positionRows, pageRows, keys, values, columns, bounds, sums,
            bytes;
    };

    void staleAll();
    void makeRoom(std::int64_t tokens, TableGrowth growth);
    void takeBlocks(int layer, Head& head, int kvHead, std::int64_t tokens);
    void copyBlocks(int layer, Head& head, int kvHead, cuda::Stream stream);
    void writeTables(int layer);
    void copyTables(cuda::Stream stream);
    template <class T>
    T* inTables(int layer, std::size_t at) const; // on the device
    template <class T>
    T* inMirror(int layer, std::size_t at);

    void staleRow(int layer, int kvHead, std::int32_t slot);

    KvCache& m_cache;
    const CacheLayout& m_layout;
    std::unique_ptr<MixedTwin> m_mixed; // where rows are mixed
    std::vector<Layer> m_layers;
    std::int64_t m_room = 0; // slots that the tables have place for, per KV head
    TableForm m_form;
    cuda::DeviceBuffer m_tables;     // (layers, m_form.bytes)
    std::vector<std::byte> m_mirror; // the same on the host, as it was when last copied
    bool m_stepping = false;
};

} // namespace fovea
