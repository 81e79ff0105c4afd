#pragma once
// From runs to series: what each timeline shows, with colours of the current theme.
//
// Bytes are as counted, component on component, for B where there is one (for A alone otherwise); A's total
// is a line, and the formula's total a dashed line on top of the stack, so that a difference would show.

#include "views/charts/chart_series.h"
#include "views/charts/timelines.h"

namespace fovea {

// Steps are positions; x is the union of both runs' steps and a run that has no such step leaves a gap.
// A run on a GPU also has a line for what its cache took there.
ChartData heldSeries(const Run* a, const Run* b);
// Without `weights` the model's own parameters are left out of every series.
ChartData movedSeries(const Run* a, const Run* b, bool weights);
// counted attention bytes / seconds inside attention kernels, GB/s (10^9); a gap where no time was taken.
ChartData rateSeries(const Run* a, const Run* b);
// The n-th step of B has comparison.kl[n].
ChartData klSeries(const Run& b, const Comparison& comparison);
// Slots live after each step and evicted by it, of one KV head: the mean over layers and heads.
ChartData slotSeries(const Run* a, const Run* b);

// The same two byte charts from closed forms alone.
ChartData heldSeries(const FormulaSeries& formula);
ChartData movedSeries(const FormulaSeries& formula, bool weights);

} // namespace fovea
