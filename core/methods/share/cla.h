#pragma once
// Cross-Layer Attention: only some layers have keys and values of their own; the layers above them attend over
// those of an earlier layer. The cache shrinks with the number of layers that own KV, but every layer still reads
// what it attends to: memory is saved, bandwidth is not.
//
// Paper     Brandon, Mishra, Nrusimhan, Panda, Ragan-Kelley, "Reducing Transformer Key-Value Cache Size with
//           Cross-Layer Attention", arXiv 2405.12981 (papers: cla)
// Symbols   L layers, s sharing factor, L_kv layers that own KV, G KV heads, d head_dim, D width, e bytes per
//           element, g gain of the norm before attention
// Even      s adjacent layers share the KV of their first. Where s does not divide L the first group is the smaller
//           one, as in the paper's figure of 10 layers and CLA3: layer 0 alone.
// Patterns  keep-ends leaves the first and the last layer alone and groups those between. dense-front and dense-back
//           have as many KV layers as keep-ends: dense-front spends them on the first layers and the last one (L = 20,
//           s = 2: 0 to 9 own, 10 to 18 read layer 9, 19 owns); dense-back on layer 0 and the last ones (0 owns, 1 to
//           10 read layer 1, 11 to 19 own). The paper has these three for s = 2 only; its text of dense-back slips by
//           one layer, its count of 11 KV layers is the one met here.
// Layers    an explicit source per layer, as codes of layer-condensed KV caches write it: 0_0_2_2. A source owns its
//           KV and is no later than its users (those codes also let a lower layer read the top one's, which needs
//           several passes over a token; refused here). Their suffix s, a sliding window, is the model's to say.
// Positions a token stands at the same place in every layer, so a key after RoPE is right for all that share it;
//           layers of different windows or different RoPE do not share.
// Convert   the paper trains its models. A model that was not trained so is converted, and loses by it what only
//           training would bring back. With x̂ the normalised residual stream before its gain, b the bias of a
//           LayerNorm, W and c a layer's projection,
//             k_l = W_l (g_l ⊙ x̂ + b_l) + c_l = (W_l diag g_l) x̂ + (W_l b_l + c_l)
//           so a KV block with a norm of gain 1 and the weights W̃_l = W_l diag g_l, c̃_l = W_l b_l + c_l is the same
//           function. `mean` gives a group's owner the mean of its layers' W̃ and c̃ behind that norm, while the
//           query keeps its own norm; gains of norms on keys, which cannot be absorbed, are averaged too. `first`
//           leaves the owner as it is and drops the others. A layer that shares with nobody stays as it is.
// Differs   the paper's KV blocks have a learnable gain of their own; here it is the 1 that absorbing leaves.
//           Converted weights are held in the model's own float type, those of GGUF blocks decoded to it.
// Default   s = 2, even, mean (which the authors of conversions found better than a copy of the first).

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/cache/element_type.h"

namespace fovea {

struct ModelSpec;

// Whatever the model itself does; the default.
struct OwnKv {
    bool operator==(const OwnKv&) const = default;
};

// How a model that was not trained to share is made to.
enum class KvConversion : std::uint8_t { Mean, First };

struct ClaParams {
    enum class Pattern : std::uint8_t { Even, KeepEnds, DenseFront, DenseBack };

    int factor = 2; // s >= 2
    Pattern pattern = Pattern::Even;
    KvConversion convert = KvConversion::Mean;

    bool operator==(const ClaParams&) const = default;
};

struct LayerSources {
    std::vector<int> sources; // (L) whose KV each layer reads
    KvConversion convert = KvConversion::Mean;

    bool operator==(const LayerSources&) const = default;
};

using Share = std::variant<OwnKv, ClaParams, LayerSources>;

// (L) the layer whose KV each layer reads.
std::vector<int> claSources(const ClaParams& params, int layers);
// The same of any share on a model, whose own it is where the share says nothing or does not fit; empty: every layer
// owns its KV.
std::vector<int> kvSources(const Share& share, const ModelSpec& spec);
// The model's shape as it is under `share`: with its sources. Parameters are counted by predictSharedWeights.
ModelSpec sharedSpec(ModelSpec spec, const Share& share);
// The layers that read the KV which `layer` reads, its owner first.
std::vector<int> kvReaders(const ModelSpec& spec, int layer);
KvConversion conversionOf(const Share& share);

// Owners whose weights the conversion makes anew, ascending: those of several layers' mean.
std::vector<int> convertedLayers(const Share& share, const ModelSpec& spec);

// Formula: bytes of cache per token, 2·G·d·L_kv·e. Reads of a token's K and V by dense attention: 2·G·d·L·e, once per
// layer.
std::int64_t predictKvBytesPerToken(const Share& share, const ModelSpec& spec, ElementType store);
std::int64_t predictKvReadPerToken(const ModelSpec& spec, ElementType store);
// Formula: bytes that the conversion holds beside the model's file. Per converted owner, in elements of the model's
// type: 2·G·d·D of weights, 2·G·d of biases where the projection or the norm before it has one, d where keys are
// normalised, D of the KV block's gain.
std::int64_t predictConvertedBytes(const Share& share, const ModelSpec& spec);
// Formula: bytes of parameters that a step reads beyond (below 0: short of) those of the model as it is: borrowers'
// and converted owners' projections are not read, converted ones are.
std::int64_t predictSharedWeights(const Share& share, const ModelSpec& spec);

// "layer 3 reads the KV of layer 5, …": why these sources cannot be, or nothing.
std::optional<std::string> sourcesRefusal(const std::vector<int>& sources, const ModelSpec& spec);

} // namespace fovea
