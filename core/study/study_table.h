#pragma once
// table.csv: every plan of a study on every task and part of one, beside dense. Every row says all that it depends on.

#include <string>

#include "core/study/study.h"

namespace fovea {

// Dense rows first; plans that were refused have a row per task that says why.
std::string studyCsv(const StudyResult& result);

} // namespace fovea
