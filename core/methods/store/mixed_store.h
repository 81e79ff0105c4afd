#pragma once
// What formulas of rows add for a store of which some rows are exact (core/cache/mixed_rows.h): those take all rows for
// coded ones (predictRows), and this puts right those that are not.

#include "core/cache/traffic.h"

namespace fovea {

struct AttentionPlan;
struct StepShape;

// Formula: bytes of one layer in one step beyond, or short of, what predictRows says of its rows, all KV heads. With C bytes
// of a row's codes and own side, E = d·e of an exact row, and a side of s bytes that several rows share, for keys and for
// values:
//
//   exact    E − C   of each that was read or written
//   still    −2·C    of each that changed slot, for that moves no byte
//   coded    E + C   of each that was coded: read, and written
//   sides    s       of each that was read or written
//
// and where values were coded, 8·d of each sum of values (read, written); where keys were, 4·d·e of bounds.
Traffic predictMixed(const AttentionPlan& plan, const StepShape& shape);
// The same of what is held.
Traffic predictHeldMixed(const StepShape& shape);

} // namespace fovea
