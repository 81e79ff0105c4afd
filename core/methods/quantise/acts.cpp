#include "core/methods/quantise/acts.h"

namespace fovea {

std::optional<ActGrid> actGrid(const Acts& acts) {
    if (const auto* rtn = std::get_if<RtnActs>(&acts))
        return ActGrid{.bits = rtn->bits, .symmetric = false};
    if (const auto* smooth = std::get_if<SmoothActs>(&acts))
        return ActGrid{.bits = smooth->bits, .symmetric = true};
    return std::nullopt;
}

} // namespace fovea
