#pragma once
// The levels that codes stand for, group by group: what each number of a head's rows was rounded to one of.

#include <cstdint>
#include <span>
#include <vector>

namespace fovea {

// Numbers (token, channel) of a head. A group is `tokensPerGroup` tokens by `channelsPerGroup` channels, the last ones of
// either smaller where these do not divide. Tokens outside [firstToken, endToken) are held as they are.
struct CodeLevels {
    struct Block {
        std::int64_t firstToken = 0, endToken = 0;
        int firstChannel = 0, endChannel = 0;
    };

    std::int64_t firstToken = 0, endToken = 0;
    std::int64_t tokensPerGroup = 1;
    int channels = 0, channelsPerGroup = 1; // d, and of a group
    int perGroup = 0;                       // levels of one group, ascending; 0: floats
    std::vector<float> levels;              // (groups along tokens, groups along channels, perGroup)

    bool coded(std::int64_t token) const { return perGroup > 0 && token >= firstToken && token < endToken; }
    int groupsAcross() const { return (channels + channelsPerGroup - 1) / channelsPerGroup; }
    // Of the number's group; empty where it is held as it is.
    std::span<const float> at(std::int64_t token, int channel) const;
    // Which numbers are rounded together with this one; itself alone where it is held as it is.
    Block group(std::int64_t token, int channel) const;
};

} // namespace fovea
