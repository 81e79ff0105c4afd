#pragma once
// Quest's choice for a ReadCase, run on a machine and judged by the definition.

#include <string>
#include <vector>

#include "tests/core/kernels/cuda/read_case.h"

namespace fovea::cuda {

struct QuestSettings {
    int page = 8, pages = 4, pagesPerBlock = 3;
    std::vector<std::vector<std::int32_t>> byAge = {}; // of each KV head; empty: in order
};

struct QuestOutcome {
    std::vector<float> scores;                           // (G, stride), NaN where there is no page
    std::vector<std::vector<std::int32_t>> pages, slots; // of each KV head

    bool operator==(const QuestOutcome& other) const; // bit for bit
};

// Throws if a kernel writes past the end of what it was given.
QuestOutcome runQuest(const ReadCase& problem, const QuestSettings& settings, Stream stream);
// "", or what is wrong with the outcome.
std::string wrongQuest(const ReadCase& problem, const QuestSettings& settings, const QuestOutcome& outcome);

} // namespace fovea::cuda
