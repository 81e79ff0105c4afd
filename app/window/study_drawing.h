#pragma once
// The pictures of a study, of one size wherever they are saved, entitled as their files are called.

#include "app/window/exports.h"

namespace fovea {

class StatisticsChart;
class StudyChart;

// The chart must outlive it.
Picture pictureOf(const StudyChart& chart);
Picture pictureOf(const StatisticsChart& chart);

} // namespace fovea
