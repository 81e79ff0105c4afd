#pragma once
// What a sweep found, plan by plan, and its file: a CSV of which every row says for itself what was asked, so that
// tables can be put together, and a second run with the same arguments goes on where the first ended.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/tasks/evaluate.h"

namespace fovea {

// All that the numbers of a row depend on beside its plan. Rows of different arguments do not mix.
struct SweepArguments {
    std::string model; // path or name
    std::string task, figures, metric;
    bool higherBetter = true;
    double high = 0; // of the metric; 0: no bound
    int samples = 0;
    std::uint64_t seed = 1;
    std::string text; // file and what it holds, as textMark() says
    std::string backend;

    bool operator==(const SweepArguments&) const = default;
};

// "evaluation.txt, 1668 bytes, 9f3c01d2": changed texts are told apart.
std::string textMark(std::string_view name, std::string_view content);

struct SweepRow {
    std::string plan;    // shortest text
    std::string method;  // methodOf(plan): the series it belongs to
    std::string refused; // why the plan cannot run, as one sentence; empty: it ran, and the rest is filled in
    Spread score, change; // as PlanScore has them
    BytesPerStep moved, held, weights;
    std::vector<PartScore> parts;
    double klMean = 0, klMax = 0, agreement = 1;
    double secondsPerStep = 0;
    std::int64_t steps = 0;
};

struct SweepTable {
    SweepArguments arguments;
    std::vector<SweepRow> rows; // dense first, once it is there

    const SweepRow* find(std::string_view plan) const;
    const SweepRow* dense() const { return find("dense"); }
};

SweepRow rowOf(const PlanScore& score);
// The standard error as files have it: NaN, which is an empty field and null, of one sample, which has none.
double writtenError(const Spread& spread, int samples);

std::string sweepCsv(const SweepTable& table);

// A file that is no sweep, or one of other arguments. what() is one sentence that names neither file nor option.
class SweepError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Inverse of sweepCsv. Numbers come back as they were; nothing is believed: counts, lengths and values are bounded
// before anything is kept. Throws SweepError.
SweepTable readSweepCsv(std::string_view text);
// The first argument in which the two differ, as "samples is 8 there and 16 here"; empty: they are the same.
std::string differenceOf(const SweepArguments& there, const SweepArguments& here);

} // namespace fovea
