#pragma once
// A read's report and what a keep makes of it, on a machine, and by the definition in double precision.

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernels/cuda/evictions.h"
#include "tests/core/kernels/cuda/device_blocks.h"

namespace fovea::cuda {

struct HearSettings {
    int kvHeads = 2, group = 1;
    std::vector<std::int64_t> live = {40, 7};
    int history = 0; // of Scissorhands; 0: H2O
    bool listed = false, alphas = false;
    int readers = 1;
};

class HearCase {
public:
    explicit HearCase(const HearSettings& settings, unsigned seed = 1);

    HearSettings settings;
    std::int64_t capacity = 48, stride = 44;
    std::vector<std::vector<float>> logits;     // of each reader (H, stride)
    std::vector<std::vector<float>> tops, sums; // of each reader (H)
    std::vector<float> alphas;                  // (H)
    std::vector<std::int32_t> list, counts;     // (G, stride), (G)
    std::vector<std::int64_t> positions;        // (G, capacity)
    std::vector<std::int32_t> byAge;            // (G, capacity)
    std::vector<std::uint32_t> scores;          // before: (G, capacity, words), bits of floats in H2O

    int heads() const { return settings.kvHeads * settings.group; }
    int words() const { return settings.history > 0 ? (settings.history + 31) / 32 : 1; }
    // What all readers leave.
    std::vector<std::uint32_t> run(Stream stream) const;
    // "" or what is wrong with that.
    std::string wrong(const std::vector<std::uint32_t>& after) const;

private:
    double weightOf(int reader, int kvHead, int entry) const;
    std::vector<double> weightsOf(int kvHead) const; // by slot, of all readers
    std::string wrongHead(int kvHead, const std::vector<std::uint32_t>& after) const;
};

} // namespace fovea::cuda
