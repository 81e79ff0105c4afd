#pragma once
// A sweep's rows as a chart has them: one series per method, and of each what is best for its bytes.

#include <QString>

#include <vector>

#include "core/tasks/sweep_table.h"

namespace fovea {

struct SweepPoint {
    QString plan, switches; // "read=sparq:r=8,k=32", "r=8,k=32"
    double bytes = 0;       // attention's, moved per token, counted
    double score = 0, error = 0;
    bool best = false; // no point of its method is at least as good for at most as many bytes
};

struct SweepSeries {
    QString method;
    std::vector<SweepPoint> points; // by bytes, ascending
};

// In the order in which methods were first met; dense is none of them, and what was refused is no point.
std::vector<SweepSeries> sweepSeries(const SweepTable& table);

} // namespace fovea
