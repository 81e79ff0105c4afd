#pragma once
// A number of tokens that a keep may spend: so many, or a share of the prompt.

#include <cstdint>

namespace fovea {

struct TokenBudget {
    int amount = 0;
    bool percent = false; // of the prompt's length; else tokens

    // Of a prompt of `prompt` tokens; a share is rounded down, as int(ratio * length) does.
    std::int64_t tokens(std::int64_t prompt) const { return percent ? prompt * amount / 100 : amount; }

    bool operator==(const TokenBudget&) const = default;
};

} // namespace fovea
