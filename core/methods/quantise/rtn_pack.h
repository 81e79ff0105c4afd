#pragma once
// RTN as it is held: rows of scales, zeros and codes in the layout of rtnRow (rtn.h) and code_run.h.

#include "core/methods/quantise/rtn.h"

namespace fovea {

// What keeps values from being held.
enum class RtnFault : std::uint8_t {
    None,
    NotFinite, // NaN or an infinity among them
    TooWide,   // a group's scale is beyond binary16
};

// row (rtnRow's bytes) = values (columns), the nearest codes under scales as held: unpacking gives
// rtnTruth(…, RtnScale::Held) bit for bit. After a fault the row's bytes mean nothing.
RtnFault packRtn(const RtnParams& params, const float* values, std::int64_t columns, std::uint8_t* row);
// values (columns) = x̂
void unpackRtn(const RtnParams& params, const std::uint8_t* row, float* values, std::int64_t columns);

} // namespace fovea
