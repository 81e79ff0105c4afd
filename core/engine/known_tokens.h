#pragma once

#include <span>
#include <string>

#include "core/engine/session.h"

namespace fovea {

// Throws EngineError for an id outside the vocabulary: every id becomes a row of the embedding.
inline void requireKnown(std::span<const int> tokens, int vocabulary) {
    for (const int token : tokens)
        if (token < 0 || token >= vocabulary)
            throw EngineError("Token " + std::to_string(token) + " is not one of the model's " +
                              std::to_string(vocabulary) + ".");
}

} // namespace fovea
