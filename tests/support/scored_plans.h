#pragma once
// Random keeps that score tokens, small enough for a text of a few dozen tokens.

#include "core/plan/attention_plan.h"
#include "tests/support/dice.h"

namespace fovea::test {

inline Keep randomScoredKeep(Dice& dice) {
    switch (dice.between(0, 2)) {
    case 0: {
        const bool percent = dice.coin();
        return H2oParams{{dice.between(1, percent ? 60 : 20), percent}, {dice.between(0, 9), dice.coin()}};
    }
    case 1: {
        ScissorhandsParams p{.budget = dice.between(1, 20), .history = dice.between(1, 90)};
        p.recent = dice.between(0, p.budget - 1);
        if (dice.coin())
            p.drop = dice.between(1, p.budget - p.recent);
        return p;
    }
    default:
        SnapkvParams p{.budget = dice.between(1, 30)};
        p.window = dice.between(1, p.budget);
        p.pool = 1 + 2 * dice.between(0, 4);
        return p;
    }
}

} // namespace fovea::test
