#pragma once
// The shape of a decoder-only transformer, and everything in which one architecture's mathematics differs
// from another's. A reader fills it in; the forward pass, the kernels and the formulas look at nothing else,
// so none of them knows an architecture's name.

#include <cstdint>
#include <string>
#include <vector>

#include "core/cache/element_type.h"
#include "core/model/logit_rule.h"

namespace fovea {

enum class Norm : std::uint8_t {
    Rms,   // x / √(mean(x²) + ε) · w
    Layer, // (x − mean) / √(var + ε) · w + b
};

enum class Activation : std::uint8_t { Silu, Gelu /* by erf */, GeluTanh, Relu };

// How a model reaches contexts longer than it was first trained for, by its RoPE frequencies.
struct RopeScaling {
    enum class Kind : std::uint8_t { None, Linear, Dynamic, Yarn, Llama3 };
    Kind kind = Kind::None;
    float factor = 1;
    std::int64_t originalContext = 0;          // Dynamic, Yarn, Llama3
    float lowFrequency = 1, highFrequency = 4; // Llama3
    float betaFast = 32, betaSlow = 1;         // Yarn
    float attentionFactor = 1;                 // Yarn: cos and sin are multiplied by it
    bool truncate = true;                      // Yarn: the correction range is rounded to whole components

    bool operator==(const RopeScaling&) const = default;
};

struct Rope {
    float theta = 10000.f;
    RopeScaling scaling = {};

    bool operator==(const Rope&) const = default;
};

// What one layer does otherwise than the rest.
struct LayerSpec {
    int window = 0; // a token sees itself and the window − 1 before it; 0: all before it
    Rope rope = {};

    bool operator==(const LayerSpec&) const = default;
};

// Parameters of one step that are held in another type than the spec's.
struct HeldOtherwise {
    std::string type; // "f32", "Q6_K", …
    std::int64_t elements = 0, bytes = 0;
};

// Bytes of one layer's matrices, biases left out.
struct MatrixBytes {
    std::int64_t keyValue = 0, others = 0; // of key and value; of query, output and feed-forward
};

struct ModelSpec {
    std::string name;         // of the file or folder, for titles
    std::string architecture; // "llama", "mistral", "qwen2", "gpt_neox", …, for titles
    int layers = 0;           // L
    int width = 0;            // D, the residual stream
    int queryHeads = 0;       // H
    int kvHeads = 0;          // G, divides H
    int headDim = 0;          // d
    int ffn = 0;              // F, the feed-forward's inner width
    int vocabulary = 0;       // V
    int context = 0;          // longest sequence trained for

    Norm norm = Norm::Rms;
    float normEpsilon = 1e-5f;
    float normShift = 0;       // added to every gain: 1 in Gemma, whose gains are stored around 0
    bool queryKeyNorm = false; // an RMS norm over d on each query and key head, before RoPE (Qwen3, Gemma 3)
    bool outputNorms = false;  // a norm on what attention and feed-forward add (Gemma 2 and 3)
    Activation activation = Activation::Silu;
    bool gated = true;             // down(act(gate(x)) · up(x)); else down(act(up(x)))
    bool projectionBias = false;   // of query, key and value
    bool outputBias = false;       // of attention's output projection
    bool ffnBias = false;          // of gate, up and down
    bool parallelResidual = false; // x + attention(norm1(x)) + ffn(norm2(x))
    bool learnedPositions = false; // a table added to the embedding instead of RoPE
    int rotaryDim = 0;             // the first components of a head that RoPE turns, even; 0: all d
    float attentionScale = 0;      // logits are q·k times this; 0: 1/√d
    float attentionSoftcap = 0;    // c: logits become c·tanh(logit/c), before the mask; 0: they stay
    float logitSoftcap = 0;        // the same for the model's output
    float embeddingScale = 1;      // √D in Gemma, rounded to the checkpoint's type
    Rope rope = {};                // of every layer that layerSpecs does not change
    std::vector<LayerSpec> layerSpecs = {}; // (L), or empty where all are alike, without a window
    // (L) whose keys and values each layer attends over, itself or an earlier one that owns its; empty: each its own
    std::vector<int> kvSources = {};

    bool tiedEmbedding = false;          // output head = embedding
    ElementType type = ElementType::F32; // of most of the matrices, and so of the default store
    std::int64_t parameters = 0;
    std::int64_t weightBytes = 0;                  // of all parameters as the file holds them
    std::vector<HeldOtherwise> heldOtherwise = {}; // of what a step reads, all that is not of `type`
    std::int64_t tokenBytes = 0; // a token's rows of the embedding and the positions, which each text reads of its own
    std::vector<std::int64_t> kvWeightBytes = {}; // (L) of K's and V's projections, biases and norms; or empty
    std::vector<MatrixBytes> matrixBytes = {}; // (L) as the file holds them; or empty: all are of `type`

    int group() const { return queryHeads / kvHeads; }
    int rotated() const { return learnedPositions ? 0 : rotaryDim ? rotaryDim : headDim; }
    LogitRule logitRule() const { return {attentionScale, attentionSoftcap}; }
    int window(int layer) const {
        return layerSpecs.empty() ? 0 : layerSpecs[static_cast<std::size_t>(layer)].window;
    }
    int kvSource(int layer) const {
        return kvSources.empty() ? layer : kvSources[static_cast<std::size_t>(layer)];
    }
    bool ownsKv(int layer) const { return kvSource(layer) == layer; }
    int kvLayers() const { // L_kv
        int owners = 0;
        for (int layer = 0; layer < layers; ++layer)
            owners += ownsKv(layer) ? 1 : 0;
        return owners;
    }
    const Rope& ropeOf(int layer) const {
        return layerSpecs.empty() ? rope : layerSpecs[static_cast<std::size_t>(layer)].rope;
    }
};

} // namespace fovea
