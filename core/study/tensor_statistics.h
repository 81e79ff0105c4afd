#pragma once
// What each layer's weights, activations, keys and values are like, over a text: what rounding them has to cope with.
//
//   weights      the layer's matrices as the checkpoint has them, each by its name (layer_matrices.h)
//   activations  what those matrices multiply, each token's: of query, key and value; of output; of gate and up; of down
//   keys, values rows of the cache, keys after RoPE, as they are rounded there; of layers that own their KV
//
// A text goes through the one forward a layer at a time, in fp32, and nothing but moments stays of it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/study/moments.h"

namespace at {
class Tensor;
}

namespace fovea {

struct Model;

enum class StudiedTensor : std::uint8_t { Weights, Activations, Keys, Values };
inline constexpr int kStudiedTensors = 4;
constexpr std::string_view kStudiedTensorNames[] = {"weights", "activations", "keys", "values"};

struct TensorStatistics {
    int layer = 0;
    StudiedTensor tensor = StudiedTensor::Weights;
    std::string part; // "query", "of output"; empty: all of the layer's parts together
    Moments moments;
};

// Layer by layer, in each the order of the enum, parts before what they make together. blocks (N, T) int64, as
// text_blocks.h makes them. `progress` may be empty and hears of layers. Empty when cancelled.
std::vector<TensorStatistics> tensorStatistics(const Model& model, const at::Tensor& blocks,
                                               const std::function<void(int done, int all)>& progress,
                                               const std::atomic<bool>& cancel);

} // namespace fovea
