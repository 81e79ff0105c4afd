#pragma once
// Which rows a store keeps as they are before it codes them. A row is told by its position in the text, whatever has left
// the cache since, so that evicting a token turns no other one to codes.

#include <algorithm>
#include <cstdint>

namespace fovea {

struct ExactRows {
    std::int64_t first = 0;  // the first tokens of the text, for good (KVQuant)
    std::int64_t newest = 0; // the newest tokens, which then leave one by one (KIVI's values, CQ)
    std::int64_t bulk = 0;   // the newest T mod bulk tokens, which leave together (KIVI's keys); 0: none do

    // Is the row at `position` one of them once the text has `tokens`?
    bool keep(std::int64_t position, std::int64_t tokens) const {
        return position < first || position >= tokens - newest ||
               (bulk > 0 && position >= tokens - tokens % bulk);
    }
    // Is the row of the newest token written as it is?
    bool keepNewest(std::int64_t position) const { return bulk > 0 || keep(position, position + 1); }
    // Of a text of which no token has left: how many there are, and how many are coded as its newest token comes.
    std::int64_t of(std::int64_t tokens) const {
        const std::int64_t late = std::min(tokens, newest) + (bulk > 0 ? tokens % bulk : 0);
        return std::min(tokens, std::min(tokens, first) + late);
    }
    std::int64_t due(std::int64_t tokens) const {
        if (bulk > 0)
            return tokens % bulk == 0 ? bulk : 0;
        return newest > 0 && tokens > newest && tokens - newest > first ? 1 : 0;
    }
    // The most there ever are, those that are about to be coded among them.
    std::int64_t most() const { return first + bulk + (newest > 0 ? newest + 1 : 0); }

    bool operator==(const ExactRows&) const = default;
};

} // namespace fovea
