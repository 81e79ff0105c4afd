#pragma once
// Made-up rows of a store of which some are exact and the others codes: how they lie on a machine, and what they stand for,
// written independently of the kernels and of the CPU's codecs.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/kernels/cuda/mixed_rows.h"
#include "tests/core/kernels/cuda/case_rows.h"

namespace fovea::cuda {

struct MixedShape {
    MixedKind kind = MixedKind::Kivi;
    int bits = 4;
    int group = 32;         // KIVI
    int channels = 4;       // CQ
    int outliers = 0;       // KVQuant
    int half = 0;           // pairs of a key's components that turn
    double exactShare = .3; // of rows, keys and values each by themselves

    std::string text() const;
    int headMultiple() const { return kind != MixedKind::Cq && bits == 3 ? 16 : 8; }
};

// On a machine, as long as this lives.
struct MixedOnMachine {
    std::vector<machine::Buffer> buffers;
    MixedBlocks blocks;
    const void* const* keys = nullptr; // tables of blocks of records
    const void* const* values = nullptr;
};

class MixedCase {
public:
    // Positions (G, slots) of the geometry's.
    MixedCase(const Geometry& geometry, const MixedShape& shape, const std::vector<std::int64_t>& positions,
              unsigned seed);

    // What the rows stand for, (G, slots, d).
    std::vector<float> rows(bool keys) const;
    // One component of a row of `slot` becomes no number; of KIVI's keys one of all that share its side.
    void spoil(bool keys, int kvHead, std::int64_t slot);
    // Rows behind the first `live` (G) have places that lead nowhere, and records of bytes `behind`.
    MixedOnMachine upload(const std::vector<std::int64_t>& live, unsigned char behind) const;
    // Rows of keys that a spoilt one shares its side with are spoilt with it.
    bool sameSide(int kvHead, std::int64_t a, std::int64_t b) const;

private:
    struct Row {
        std::int32_t place = kOwnPlace;
        std::vector<std::uint16_t> codes; // (d), or of a group of channels (d/c)
        std::vector<std::uint16_t> side;  // of its own
        std::vector<float> exact;         // (d)
    };
    struct Part {                                      // of one KV head
        std::vector<Row> rows;                         // (slots)
        std::vector<std::vector<std::uint16_t>> sides; // shared ones
        std::vector<std::uint16_t> centroids;
        std::vector<float> levels, ranges; // R (2^b); offsets and ranges (2, d)
    };

    Part madeUp(bool keys, unsigned seed) const;
    std::vector<double> decoded(bool keys, const Part& part, const Row& row) const; // before RoPE
    std::vector<unsigned char> recordOf(bool keys, const Row& row) const;
    void turn(std::vector<double>& row, std::int64_t position) const;
    double frequency(int pair) const;
    int codeBytes() const;
    int sideHalves(bool keys) const; // of its own
    const Part& part(bool keys, int kvHead) const {
        return (keys ? m_keys : m_values)[static_cast<std::size_t>(kvHead)];
    }
    void uploadPart(bool keys, const std::vector<std::int64_t>& live, unsigned char behind,
                    MixedOnMachine& to) const;
    void uploadTables(bool keys, MixedPart& to, MixedOnMachine& all) const;
    void uploadTurn(MixedOnMachine& to) const;

    Geometry m_geometry;
    MixedShape m_shape;
    std::vector<std::int64_t> m_positions;
    std::vector<Part> m_keys, m_values; // (G)
};

// One of each store, with what its kernels treat apart.
const std::vector<MixedShape>& mixedShapes();

} // namespace fovea::cuda
