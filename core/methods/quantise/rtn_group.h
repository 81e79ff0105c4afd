#pragma once
// One group of RTN (rtn.h) as it is held: its scale in binary16, its zero, its codes.

#include "core/methods/quantise/rtn.h"

namespace fovea {

struct RtnGroup {
    std::uint16_t scale = 0; // binary16; an infinity or NaN where the values have none
    int zero = 0;            // in sym the middle: codes are held from 0 on
};

// codes (n) = the nearest codes of values (n, at least one) under the scale as held. Of values that are no numbers, or too
// wide for binary16, codes are 0 and the scale is no number, so that what comes back is none either.
RtnGroup chooseRtnGroup(const RtnParams& params, const float* values, std::int64_t n, std::uint8_t* codes);

} // namespace fovea
