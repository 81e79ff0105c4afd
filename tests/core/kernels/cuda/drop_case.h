#pragma once
// A cache whose KV heads drop their lowest tokens, on a machine and in a CacheModel beside it.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/cuda/evictions.h"
#include "tests/core/kernels/cuda/device_cache.h"

namespace fovea::cuda {

struct DropRule {
    int budget = 8, recent = 3, stay = 8, window = 0;
    int history = 0; // of Scissorhands; 0: H2O
};

class DropCase {
public:
    // A cache that may be filled already.
    DropCase(const CacheModel& filled, const DropRule& rule, unsigned seed = 1);

    // One token of made-up rows in every KV head, and its score. Scores are few different ones, so that there are ties.
    void append(Stream stream);
    void append(const std::vector<float>& k, const std::vector<float>& v, Stream stream);
    // The end of a step, on both. "" or what is different.
    std::string drop(Stream stream);
    // The same on the machine alone.
    void dropThere(Stream stream);

    CacheModel model;
    std::vector<SlotCounts> counts; // of the last drop

private:
    int words() const { return m_rule.history > 0 ? (m_rule.history + 31) / 32 : 1; }
    bool lower(std::size_t word, std::size_t other) const;
    std::vector<std::int32_t> leavingOf(int kvHead) const;
    SlotCounts dropHead(int kvHead);

    DropRule m_rule;
    DeviceCache m_device;
    std::mt19937 m_random;
    std::vector<std::uint32_t> m_scores; // (G, capacity, words), as bits also where they are floats
    Guarded<std::uint32_t> m_deviceScores;
    Guarded<std::int32_t> m_scratch, m_counts;
    std::int64_t m_position;
};

// A cache that holds `tokens` made-up tokens.
CacheModel filledCache(const CacheGeometry& geometry, int tokens);

} // namespace fovea::cuda
