#pragma once
// What rounding costs, question by question: a study's scores beside dense's on the same samples.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/study/study.h"

namespace fovea {

// What plans are held to: a task's metric, or one part of its answers.
struct StudyQuestion {
    std::size_t sweep = 0; // of StudyResult::sweeps
    std::string part;      // of PartScore; empty: the task as a whole
    std::string name;      // "text", "recall", "recall over 256 tokens back"
    std::string brief;     // "text", "recall", "over 256", for a column beside those of its task
    double dense = 0;      // score
    std::string
        silent; // why it tells nothing, as a sentence's end: dense hardly does it itself; empty: it counts
};

// A bounded metric of which dense reaches less than this share of the bound can hardly get worse.
inline constexpr double kLeastDenseShare = 0.1;

// Of the sweeps that have a dense row, tasks in their order, each as a whole first.
std::vector<StudyQuestion> questionsOf(const StudyResult& result);

// The change from dense as a share of dense's score, above 0 where it is for the worse, and its standard error over samples;
// one sample has none (and `error` is 0).
struct Loss {
    double share = 0, error = 0;
    int samples = 0;
};
// Nothing where the plan has no such row, was refused, or dense's score is 0.
std::optional<Loss> lossOf(const StudyResult& result, const StudyQuestion& question, std::string_view plan);

// Counted: bytes that a step reads under the plan, weights and attention, the mean over the tasks that it ran; nothing
// where it ran none.
struct BytesRead {
    double weights = 0, attention = 0;
    double total() const { return weights + attention; }
};
std::optional<BytesRead> bytesRead(const StudyResult& result, std::string_view plan);

// Why the plan was refused, by the first task that did; empty: it was not.
std::string refusalOf(const StudyResult& result, std::string_view plan);
// Without what else would be accepted: tables have no room for it, and the files say it.
std::string briefRefusal(const StudyResult& result, std::string_view plan);

} // namespace fovea
