#pragma once
// Rows of which some are exact, for good or for a while, and the others codes (core/cache/mixed_rows.h), as kernels take
// them: KIVI's, KVQuant's and Coupled Quantisation's. C++17, since .cu files include it. All pointers are device memory.
//
// A block holds a record of each slot, `recordBytes` apart: its codes, and then its side where that is its own. A slot's
// place says where its row is:
//
//     place ≥ 0     exact, row `place` of its KV head's pool
//     kOwnPlace     codes, with what is beside them in the record
//     below that    codes in the record, and shared side kOwnPlace - 1 - place

#include <cstdint>
#include <string>

namespace fovea::cuda {

constexpr std::int32_t kOwnPlace = -1;

enum class MixedKind { None, Kivi, Kvquant, Cq };

// What the next token's rows, and those that are coded as it comes, become of one KV head: the host has decided it, since
// it follows from positions alone (MixedRows::comingPlace and comingCodes in core/cache).
struct ComingCode {
    std::int32_t slot, place;
};
struct ComingRow {
    std::int32_t place; // of the new row
    std::int32_t count; // of rows that are coded, the new one among them or not
    std::int64_t first; // of them in `codes`
};

// Keys, or values, of G KV heads.
struct MixedPart {
    int codeBytes = 0, recordBytes = 0;
    std::int32_t* places = nullptr; // (G, capacity) by slot
    void* const* exact =
        nullptr; // (G) pools of rows (most, d) of the cache's own type; null: no row is exact
    // Sides that several rows share, of `sideBytes` each, in blocks.
    int sideBytes = 0, sidesPerBlock = 0;
    std::int64_t sideBlocksPerHead = 0;
    void* const* sides = nullptr; // (G, sideBlocksPerHead); null: each row has its own, or none

    // KVQuant: R and C (G, kLevelsRoom), R again and again; of keys offsets and then ranges (G, 2, d).
    const float* levels = nullptr;
    const double* chosen = nullptr;
    const float* ranges = nullptr; // null: a row's own begin its side
    // Coupled Quantisation: centroids (G, d/c, 2^b, c) in binary16.
    const std::uint16_t* centroids = nullptr;

    const ComingRow* coming = nullptr; // (G)
};

// How keys that were coded before RoPE are turned as they are read: cosines and then sines of far = p / kTurnNear, times the
// factor, and of near = p mod kTurnNear (core/kernels/cpu/table_rows.h).
struct TurnAngles {
    int half = 0; // pairs of components that turn, i with i + half; 0: none do
    const float *far = nullptr, *near = nullptr;
    float factor = 1;
};

constexpr int kLevelsRoom = 16, kTurnNear = 64;

struct MixedBlocks {
    MixedKind kind = MixedKind::None;
    int bits = 0;     // KIVI 8, 4, 3 or 2; KVQuant 4, 3 or 2; CQ 1 to 10
    int group = 0;    // KIVI: channels of a value that share a scale, 32, 64 or a multiple of 128
    int outliers = 0; // KVQuant: of a row
    int channels = 0; // CQ: of a group, 1, 2, 4 or 8
    double tail = 0;  // KVQuant: o/2, beyond which on either side a value's numbers are outliers
    TurnAngles turn;  // of keys
    MixedPart keys, values;
    std::int64_t capacity = 0;               // of a row of places and positions, in slots
    const std::int64_t* positions = nullptr; // (G, capacity) of the tokens
    const ComingCode* codes = nullptr;       // of all KV heads

    bool any() const { return kind != MixedKind::None; }
};

// Why the kernels do not take these, in a sentence; empty when they do: heads of a multiple of 8 components up to 256, of 16
// at 3 bits.
std::string refuseMixedRows(const MixedBlocks& rows, int headDim);

} // namespace fovea::cuda
