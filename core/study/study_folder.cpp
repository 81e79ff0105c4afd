#include "core/study/study_folder.h"

#include "core/model/checked_file.h"
#include "core/study/study_table.h"
#include "core/tasks/sweep.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

constexpr std::uint64_t kLongestTable = std::uint64_t{64} << 20;

bool isThere(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored) && std::filesystem::file_size(file, ignored) > 0;
}

} // namespace

std::filesystem::path sweepFile(const std::filesystem::path& folder, std::string_view task) {
    return folder / ("sweep-" + std::string(task) + ".csv");
}

void resumeStudy(StudyResult& result, const std::filesystem::path& folder) {
    for (StudySweep& sweep : result.sweeps) {
        const std::filesystem::path file = sweepFile(folder, sweep.task);
        if (!sweep.whyNot.empty() || !isThere(file))
            continue;
        try {
            sweep.table = resumedSweep(readFile(file, kLongestTable), sweep.table.arguments);
        } catch (const SweepError& error) {
            throw SweepError(file.string() + " " + error.what() +
                             "; choose another folder, or ask for the same");
        }
    }
    const std::filesystem::path file = folder / "statistics.csv";
    if (!isThere(file))
        return;
    if (auto statistics = readStatisticsCsv(readFile(file, kLongestTable));
        statistics && statistics->sameQuestion(result.statistics))
        result.statistics = std::move(*statistics);
}

void writeStudy(const StudyResult& result, std::size_t changed, const std::filesystem::path& folder) {
    if (changed < result.sweeps.size())
        writeFile(sweepFile(folder, result.sweeps[changed].task), sweepCsv(result.sweeps[changed].table));
    else
        writeFile(folder / "statistics.csv", statisticsCsv(result.statistics));
    writeFile(folder / "table.csv", studyCsv(result));
}

} // namespace fovea
