#pragma once
// One more token of a made-up cache of mixed rows: what a machine writes of it, and what it codes of the rows before, held
// against the methods' definitions.

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernels/cuda/cache_writes.h"
#include "tests/core/kernels/cuda/mixed_case.h"

namespace fovea::cuda {

struct MixedAppendShape {
    MixedShape rows;
    ElementType type = ElementType::F32;
    int headDim = 32;
    bool exact = true;   // is the new token's row?
    int due = 0;         // rows that are coded, the newest of them the new one where KIVI's keys are
    bool beside = false; // are columns, sums and bounds kept?

    std::string text() const;
};

class MixedAppendCase {
public:
    explicit MixedAppendCase(const MixedAppendShape& shape);

    // A cache whose rows are all exact, the token's launch, and what then lies there.
    void append(Stream stream);
    // "" where it is what the definitions make of the rows, else what is not.
    std::string difference() const;
    // The bytes of all that a kernel may write.
    std::vector<unsigned char> bytes() const;

private:
    struct Part {
        std::vector<float> rows; // (G, live + 1, d), the new one last
        std::vector<float> levels, ranges;
        std::vector<double> chosen;
        std::vector<std::uint16_t> centroids;
        std::vector<std::int32_t> due; // slots
        // What a machine left.
        std::vector<std::int32_t> places;
        std::vector<std::vector<unsigned char>> records, pools, sides;
    };

    Part madeUp(bool keys, unsigned seed) const;
    int sideBytes(bool keys) const;
    int codeBytes() const;
    std::int64_t slots() const;
    const float* row(const Part& part, int kvHead, std::int64_t slot) const;
    bool isDue(const Part& part, std::int64_t slot) const;
    std::vector<double> beforeRope(const float* row, std::int64_t position) const;
    std::string compare(bool keys, int kvHead, std::int64_t slot) const;
    std::string compareKivi(bool keys, int kvHead, std::int64_t slot, const unsigned char* record) const;
    std::string compareKvquant(bool keys, int kvHead, const std::vector<double>& x,
                               const unsigned char* record) const;
    std::string compareCq(bool keys, int kvHead, const std::vector<double>& x,
                          const unsigned char* record) const;
    std::string compareBeside() const;

    static constexpr int kHeads = 2, kPerBlock = 8, kPage = 4, kSidesPerBlock = 2;
    static constexpr std::int64_t kLive = 37,
                                  kFirst = 50; // rows before, and the position of the first of them
    static constexpr std::int64_t kRowsOfSide = 5;
    static constexpr float kFactor = 1.25f;   // on turned keys
    static constexpr double kFrequency = .01; // of every pair
    static constexpr double kTail = .05;      // o/2

    MixedAppendShape m_shape;
    Part m_keys, m_values;
    std::vector<float> m_sums, m_bounds;
    std::vector<unsigned char> m_columns;
};

} // namespace fovea::cuda
