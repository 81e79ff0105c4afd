#pragma once
// Random shapes and plans, the same in every run.

#include <random>

#include "core/methods/read/sparq.h"
#include "core/methods/step_shape.h"

namespace fovea::test {

class Dice {
public:
    int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(m_random); }
    bool coin() { return between(0, 1) == 1; }

    StepShape shape(int longest) {
        StepShape shape;
        shape.tokens = between(1, longest);
        shape.kvHeads = between(1, 3);
        shape.queryHeads = shape.kvHeads * between(1, 4);
        shape.headDim = between(1, 24);
        shape.store = static_cast<ElementType>(between(0, 2));
        return shape;
    }
    SparqParams sparq(int d, int most) {
        SparqParams params;
        params.components = between(1, d);
        params.tokens = between(1, most);
        if (coin())
            params.local = between(0, params.tokens);
        params.alpha = coin();
        params.tau = coin();
        params.select = coin() ? SparqParams::Select::Softmax : SparqParams::Select::Logits;
        return params;
    }

private:
    std::mt19937 m_random{7};
};

} // namespace fovea::test
