#pragma once
// Rows of codes that stand for what tables say, as floats: what the codecs of KVQuant and Coupled Quantisation read with.
//
//   levels      x̂_c = R[code_c]·range_c + offset_c, codes in the layout of quantise/code_run.h; then the row's outliers
//   centroids   x̂ of c channels = C[their group][their code], codes a string of bits, the lowest first
//   turns       a row by the angles of its token's position
//
// Rows are floats before anything is summed. Of keys a table of a query's products with levels or centroids would be another
// one for every row, for each is turned by its own position. Values could be summed as weights per level or centroid, but
// that is a sum in memory for every code and query head, where a decoded row is a load for every code and then an
// instruction for sixteen channels of a head.

#include <cstdint>
#include <span>

#include "core/cache/row_codec.h"

namespace fovea::cpu {

// A number that stays as it is: its value in binary16, and its channel; one that is d or beyond is none.
struct HeldOutlier {
    std::uint16_t value, channel;
};

inline constexpr int kLevelsRoom = 16;

struct LevelTable {
    int bits = 4, dims = 0;         // 4, 3 or 2; d
    float levels[kLevelsRoom] = {}; // R (2^b), again and again
    const float *offset = nullptr,
                *range = nullptr;   // (d) each; null: a row's own, in binary16, begin its side
    int outliers = 0;               // of a row's side, behind its offset and range if it has them
    const double* chosen = nullptr; // C (2^b), by which codes are chosen
    double tail = 0; // the share of a row's numbers that its own range leaves out on either side

    // R (2^b) becomes all there is room for: what stands above a code's bits then does not matter.
    void repeat(std::span<const float> read) {
        for (std::size_t i = 0; i < kLevelsRoom; ++i)
            levels[i] = read[i % read.size()];
    }
};
struct CentroidTable {
    int channels = 4, bits = 8, dims = 0;     // c: 1, 2, 4 or 8; b: 1..16; d, a multiple of c
    const std::uint16_t* centroids = nullptr; // C (d/c, 2^b, c) in binary16
};

// Cosines and then sines, `half` each, of far = p / kTurnNear and of near = p mod kTurnNear, position p, from which those of p
// follow: cos(a + b) = cos a·cos b − sin a·sin b. A factor on turned rows is one on the far ones.
inline constexpr std::int64_t kTurnNear = 64;
struct TurnTable {
    std::int64_t half = 0; // pairs of components that turn, i with i + half
    const float *far = nullptr, *near = nullptr;
    std::int64_t fars = 0; // rows of `far`
    float factor = 1;      // on the far ones
};

// What a codec's codes stand for: one of levels and centroids. `turn` is null where rows do not turn.
struct TableCodes {
    const LevelTable* levels = nullptr;
    const CentroidTable* centroids = nullptr;
    const TurnTable* turn = nullptr;
};

// row.to (d) of each of `rows`.
void readLevels(const LevelTable& table, std::span<const CodedRow> rows);
void readCentroids(const CentroidTable& table, std::span<const CodedRow> rows);
// row.to turned by row.position; the other members are not looked at.
void turnRows(const TurnTable& table, std::span<const CodedRow> rows);

// As codes stand for them, not turned yet.
inline void readUnturned(const TableCodes& codes, std::span<const CodedRow> rows) {
    if (codes.levels)
        readLevels(*codes.levels, rows);
    else
        readCentroids(*codes.centroids, rows);
}
inline void readTable(const TableCodes& codes, std::span<const CodedRow> rows) {
    readUnturned(codes, rows);
    if (codes.turn)
        turnRows(*codes.turn, rows);
}

} // namespace fovea::cpu
