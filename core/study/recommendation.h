#pragma once
// What a study advises, and by which rule: one line that follows from its numbers.

#include <cstdint>
#include <string>

#include "core/study/study.h"

namespace fovea {

// Of the plans whose loss, with `errors` standard errors on top, stays within `within` of dense's score on every question
// that counts (study_losses.h), the one whose steps read the fewest bytes, weights and attention, counted. Spread is part
// of the rule: a plan that seems to lose little by chance is not advised.
struct StudyRule {
    double within = 0.02; // share of dense's score
    double errors = 2;
};

struct Recommendation {
    std::string plan; // empty: none stays within
    std::string
        sentence;     // what is advised and what it costs, or which comes closest; ends without a full stop
    std::string rule; // the rule with its numbers, what it rests on, and what it could not see
    std::int64_t judged = 0, refused = 0; // plans; judged by every question that counts
};

Recommendation recommend(const StudyResult& result, const StudyRule& rule);

} // namespace fovea
