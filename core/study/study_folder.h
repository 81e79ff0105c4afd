#pragma once
// A study's folder: what it found so far, and what a second run with the same arguments goes on with.
//
//   sweep-text.csv, sweep-recall.csv, sweep-repetition.csv   each a sweep's table, which `fovea sweep --out` knows too
//   statistics.csv                                           what tensors are like
//   table.csv                                                all rows beside dense's (study_table.h); written, never read

#include <filesystem>

#include "core/study/study.h"

namespace fovea {

std::filesystem::path sweepFile(const std::filesystem::path& folder, std::string_view task);

// What the folder has of the study. Throws SweepError with one line that names the file where its table is of other
// arguments, or none; CheckpointError where one cannot be read. Statistics of another question are looked at anew.
void resumeStudy(StudyResult& result, const std::filesystem::path& folder);

// What StudyObserver::changed told of, and the table over all. Throws ExportError.
void writeStudy(const StudyResult& result, std::size_t changed, const std::filesystem::path& folder);

} // namespace fovea
