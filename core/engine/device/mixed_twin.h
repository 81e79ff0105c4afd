#pragma once
// What a CacheTwin holds beside blocks of records where rows are mixed (core/cache/mixed_rows.h): places of slots, pools of
// exact rows, sides that rows share, and the tables that codes stand for.
//
// Which rows a step writes exactly, which it codes, and where each goes follows from positions alone. So the host says it
// before the step (ComingRow), the device does it, and the host's cache does the same a moment later.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/kernels/cuda/mixed_rows.h"

namespace fovea {

namespace cpu {
struct TurnTable;
}

class MixedTwin {
public:
    // `cache` outlives it.
    explicit MixedTwin(const KvCache& cache);

    // As CacheTwin's: catches up, for tables of `room` slots per KV head and one more token in each.
    void prepare(cuda::Stream stream, std::int64_t room, int growth);
    // Good until the next prepare; positions (G, room) are the twin's.
    cuda::MixedBlocks blocks(int layer, const std::int64_t* positions) const;
    std::int64_t bytes() const;
    // As CacheTwin's.
    bool liesAs(const MixedTwin& other) const {
        return m_room == other.m_room && m_form.sideBlocks == other.m_form.sideBlocks;
    }
    const std::byte* tables() const { return m_tables.as<std::byte>(); }

    // What happened on the host alone.
    void happened(int layer, int kvHead, const SlotEvent& event);
    void coded(int layer, int kvHead, Component rows);
    void staleAll();

private:
    struct Part { // keys or values of one KV head
        cuda::DeviceBuffer exact;
        std::vector<cuda::DeviceBuffer> sides;
        bool staleExact = true, staleSides = true;
    };
    struct Layer {
        std::vector<std::array<Part, 2>> heads; // (G) or empty: it borrows
        bool staleTables = true;
        cuda::DeviceBuffer codebooks;
        std::array<cuda::MixedPart, 2> tables; // what of them each part has
        cuda::TurnAngles turn;
    };
    // Where the tables of one layer lie, in bytes from its beginning: of keys and of values.
    struct TableForm {
        std::array<std::size_t, 2> places, exact, sides;
        std::int64_t sideBlocks = 0; // of each KV head
        std::size_t bytes = 0;
    };

    const MixedForm& form(std::size_t part) const { return part == 0 ? m_mixed.keys : m_mixed.values; }
    const MixedRows& rows(int layer, int kvHead, std::size_t part) const;
    Layer& layerOf(int layer) { return m_layers[static_cast<std::size_t>(layer)]; }
    template <class Visit>
    void eachPart(const Visit& visit); // visit(layer, kvHead, part, Part&) of owners

    void plan();
    void takeBuffers(cuda::Stream stream, std::int64_t room, int growth);
    void takeCodebooks(int layer, cuda::Stream stream);
    cuda::TurnAngles turnOf(const cpu::TurnTable& turn, cuda::Stream stream);
    void copyParts(cuda::Stream stream);
    void copyTables(cuda::Stream stream);
    void writeTables(int layer);
    template <class T>
    T* at(int layer, std::size_t offset) const; // on the device
    cuda::ComingRow* comingOnDevice() const { return at<cuda::ComingRow>(m_layout.layers, 0); }

    const KvCache& m_cache;
    const CacheLayout& m_layout;
    const MixedStore m_mixed;
    std::vector<Layer> m_layers;
    std::map<const float*, std::array<cuda::DeviceBuffer, 2>>
        m_turns; // far and near, by where the host has them
    std::int64_t m_room = 0;
    TableForm m_form;
    cuda::DeviceBuffer m_tables; // (layers, m_form.bytes), and then what comes of the next step
    std::vector<std::byte> m_mirror;

    // What comes of the next step: (layers, 2, G) and then codes of all.
    std::vector<cuda::ComingRow> m_coming;
    std::vector<MixedRows::Coming> m_comingCodes;
    std::vector<std::byte> m_comingBytes;
};

} // namespace fovea
