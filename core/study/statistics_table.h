#pragma once
// statistics.csv: what tensors are like, layer by layer, and of which model and text. Every row says so for itself, so that
// a study that goes on knows whether it has to look again.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/study/tensor_statistics.h"

namespace fovea {

struct StatisticsTable {
    std::string model, text; // as SweepArguments has them
    std::int64_t blocks = 0, length = 0;
    std::uint64_t seed = 1;
    std::vector<TensorStatistics> rows;

    // Of the same model and text, read alike?
    bool sameQuestion(const StatisticsTable& other) const;
};

std::string statisticsCsv(const StatisticsTable& table);
// Inverse of statisticsCsv as far as its figures say: of the moments deviation and kurtosis stay, so that nothing can be
// added to what comes back. Nothing where the text is no such table, whole and of one question.
std::optional<StatisticsTable> readStatisticsCsv(std::string_view text);

} // namespace fovea
