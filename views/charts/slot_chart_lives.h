#pragma once
// What a SlotChart holds; shared by its two source files.

#include <memory>
#include <vector>

#include "views/charts/slot_chart.h"

namespace fovea {

struct SlotChart::Lane {
    std::shared_ptr<const Run> run;
    std::vector<SlotStay> stays;
    std::int64_t evicted = 0;
};

struct SlotChart::Lives {
    Lane a, b;
    int layer = 0, kvHead = 0;
    Rows rows = Rows::Position;
};

} // namespace fovea
