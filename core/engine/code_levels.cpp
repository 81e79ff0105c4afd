#include "core/engine/code_levels.h"

#include <algorithm>

namespace fovea {

std::span<const float> CodeLevels::at(std::int64_t token, int channel) const {
    if (!coded(token))
        return {};
    const std::int64_t along = (token - firstToken) / tokensPerGroup, across = channel / channelsPerGroup;
    const auto first = static_cast<std::size_t>((along * groupsAcross() + across) * perGroup);
    return std::span(levels).subspan(first, static_cast<std::size_t>(perGroup));
}

CodeLevels::Block CodeLevels::group(std::int64_t token, int channel) const {
    if (!coded(token))
        return {token, token + 1, channel, channel + 1};
    const std::int64_t first = token - (token - firstToken) % tokensPerGroup;
    const int left = channel - channel % channelsPerGroup;
    return {first, std::min(first + tokensPerGroup, endToken), left,
            std::min(left + channelsPerGroup, channels)};
}

} // namespace fovea
