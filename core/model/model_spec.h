#pragma once
// The shape of a decoder-only transformer of the Llama family.

#include <cstdint>
#include <string>

#include "core/cache/element_type.h"

namespace fovea {

struct ModelSpec {
    std::string name;          // of the file or folder, for titles
    std::string architecture;  // "llama"
    int layers = 0;            // L
    int width = 0;             // D, the residual stream
    int queryHeads = 0;        // H
    int kvHeads = 0;           // G, divides H
    int headDim = 0;           // d
    int ffn = 0;               // F, the SwiGLU's inner width
    int vocabulary = 0;        // V
    int context = 0;           // longest sequence trained for
    float ropeTheta = 10000.f;
    float normEpsilon = 1e-5f;
    bool tiedEmbedding = false;              // output head = embedding
    ElementType type = ElementType::F32;     // of the checkpoint, and so of the default store
    std::int64_t parameters = 0;

    int group() const { return queryHeads / kvHeads; }
};

}  // namespace fovea
