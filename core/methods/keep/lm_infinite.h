#pragma once
// LM-Infinite: a Λ-shaped mask, the first s tokens and the newest w, and a ceiling on distance, so that a
// model never meets a distance longer than those it was trained on.
//
// Paper     Han, Wang, Peng, Xiong, Chen, Ji, Wang, "LM-Infinite: Zero-Shot Extreme Length Generalization for
//           Large Language Models", arXiv 2308.16137
// Symbols   s sinks (the global branch), w window (the local branch), p position of the query, j of a sink
// Sees      sinks and the w newest tokens, the current one among them: s + w rows. (StreamingLLM counts its
//           window without the current token.)
// Distance  a sink is met at min(p - j, w), each at the same distance w once the text is long. The authors'
//           code keeps sinks before RoPE and rotates the query by w alone; here each sink stays as it is
//           stored and meets a query turned to j + w, which is the same product and moves no byte.
// Differs   the ceiling is the window itself (the authors' drop-in passes one number for both; their
//           evaluation script has two). Their code masks but keeps the whole cache; here what the mask hides
//           is evicted, a prompt's too. The paper's optional top-k tokens of the middle are not built. What the SparQ authors
//           compare with under this name is the mask alone, 16 first tokens at original distances:
//           keep=streaming:sinks=16 does that.
// Defaults  s = 10, w = 4096 as in the authors' drop-in call (100 and 4096 in their evaluation).

#include "core/methods/keep/keep_rule.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

class RowTurn;

struct LmInfiniteParams {
    int sinks = 10;    // s >= 0
    int window = 4096; // w >= 1, the current token included, and the ceiling of distance

    bool operator==(const LmInfiniteParams&) const = default;
};

KeepRule lmInfiniteRule(const LmInfiniteParams& params);

// The truth: as streamingProducts, a sink further back than w met at distance w.
at::Tensor lmInfiniteProducts(const LmInfiniteParams& params, const at::Tensor& q, const at::Tensor& keys,
                              const at::Tensor& positions, const RowTurn& turn);

} // namespace fovea
