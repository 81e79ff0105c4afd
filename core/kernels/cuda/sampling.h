#pragma once
// Chooses the next token of each text on a GPU, and says how surprising it was, so that logits need not go to the host.
// Truth: chooseToken (core/engine/sampler.h), whose choice this is for the same logits and the same draw, and surpriseOf
// (core/engine/generation.h).
//
// All pointers are device memory. C++17.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {

struct ChooseTokens {
    const float* logits = nullptr; // (rows, vocabulary); one that is no number is never chosen
    int vocabulary = 0;
    int rows = 0;

    float temperature = 0; // 0: the largest logit, of equal ones the first, without a draw
    int topK = 0;          // 0: no limit
    float topP = 1;        // 1: no limit
    // (rows) in [0, 1), multiples of 2^-24 as the Sampler draws them; null at temperature 0.
    const float* draws = nullptr;

    bool given = false;         // tokens are there already, each below `vocabulary`: only their surprise is asked for
    int* tokens = nullptr;      // (rows)
    float* surprises = nullptr; // (rows) −ln softmax(logits)[token], nats; null: nobody asks
    void* scratch = nullptr;    // scratchBytes(…), aligned to 16
};

constexpr int kMostVocabulary = 1 << 18;

std::size_t scratchBytes(const ChooseTokens& step);
// Why choices of this many tokens and texts are not made, in a sentence; empty where they are.
std::string sizesRefused(const ChooseTokens& step);
// Why a launch is not taken, in a sentence; empty when it is.
std::string refusal(const ChooseTokens& step);
// Queues the choice on `stream` and returns. Throws std::invalid_argument with refusal()'s sentence, or
// std::runtime_error when there is no device.
void chooseTokens(const ChooseTokens& step, Stream stream);

} // namespace fovea::cuda
