#include <cmath>
#include <string>

#include "core/study/statistics_table.h"
#include "core/tasks/sweep_table.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

SweepTable sweepOf(std::string_view bytes, bool* refused = nullptr) {
    try {
        return readSweepCsv(bytes);
    } catch (const SweepError& error) {
        requireOneLine(error.what());
        if (refused == nullptr)
            throw Finding(std::string("a sweep that was read is refused once it is written: ") +
                          error.what());
        *refused = true;
        return {};
    }
}

} // namespace

bool readSweepTable(std::string_view bytes) {
    bool refused = false;
    const SweepTable table = sweepOf(bytes, &refused);
    if (refused)
        return false;
    const std::string text = sweepCsv(table);
    if (sweepCsv(sweepOf(text)) != text)
        throw Finding("another sweep is read from what was written of it");
    // What a run of other arguments is told of the file.
    if (const std::string why = differenceOf(table.arguments, {}); !why.empty())
        requireOneLine(why);
    return true;
}

bool readStatisticsTable(std::string_view bytes) {
    const auto table = readStatisticsCsv(bytes);
    if (!table)
        return false;
    for (const TensorStatistics& row : table->rows)
        if (!std::isfinite(row.moments.deviation()) || !std::isfinite(row.moments.kurtosis()))
            throw Finding("statistics that are no numbers");
    if (!readStatisticsCsv(statisticsCsv(*table)))
        throw Finding("statistics are refused once they are written");
    return true;
}

} // namespace fovea::fuzz
