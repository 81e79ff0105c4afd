#pragma once
// The stores that need codebooks: what `fovea calibrate` learns, and with which parameters.

#include <string_view>
#include <variant>

#include "core/methods/store/cq.h"
#include "core/methods/store/kvquant.h"

namespace fovea {

using LearntStore = std::variant<KvquantParams, CqParams>;

constexpr std::string_view learntStoreName(const LearntStore& store) {
    return std::holds_alternative<CqParams>(store) ? "cq" : "kvquant";
}

} // namespace fovea
