#pragma once
// What rows of activations go through on the GPU between one attention and the next: norms, products, RoPE, the
// feed-forward. A row per text of a decode step, or per token of a prompt; fp32, and weights are read as stored.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

#include "core/cache/traffic.h"
#include "core/engine/device/device_weights.h"
#include "core/engine/device/room.h"
#include "core/methods/quantise/acts.h"
#include "core/model/model_spec.h"

namespace fovea {

class DeviceLayers {
public:
    // How products are formed: each vector by itself, whatever is beside it, or many at once on matrix units.
    enum class Products : std::uint8_t { Decode, Prompt };

    // `spec` outlives it. `acts`: how what the layers' matrices are given is rounded; nothing: not at all.
    DeviceLayers(const ModelSpec& spec, std::shared_ptr<const DeviceWeights> weights,
                 std::optional<ActGrid> acts, cuda::Stream stream);

    // Before a pass of `rows`. Takes what memory it needs; throws cuda::OutOfMemory.
    void begin(std::int64_t rows, Products products);

    // Of each row's token and, where a model learnt them, position (rows); on the device as all that follows.
    void embed(const int* tokens, const int* positions);
    // What a layer's attention is given: q (rows, H, d), k and v (rows, G, d) by angles (rows, pairs); a layer that borrows
    // its KV leaves k and v as they are.
    struct Heads {
        float *q, *k, *v;
    };
    struct Angles {
        const float *cosines, *sines;
        int pairs; // 0: nothing turns
    };
    void project(int layer, const Heads& heads, const Angles& angles);
    // What the layer makes of attention's output (rows, H, d).
    void finish(int layer, const float* attended);
    // (rows, V)
    void toLogits(float* logits);

    // The bytes of weights that were read since the last call.
    Traffic takeMoved() { return std::exchange(m_moved, Traffic{}); }

private:
    struct Projection {
        const DeviceLinear& by;
        float* to; // (rows, rows of it)
    };
    void project(const float* x, std::int64_t in, std::initializer_list<Projection> all);
    void multiply(const DeviceParameter& held, const cuda::Gemv& step);
    void multiplyRounded(const DeviceParameter& held, cuda::Gemv step);
    void countRead(const DeviceParameter& held, const cuda::Gemv& step);
    void feedForward(const DeviceLayer& weights);
    void place(const DeviceGain& gain, float* x, int heads, const Angles& angles);
    void norm(const DeviceGain& w, const Room<float>& x, const Room<float>& y);
    void norm(const DeviceGain& w, const float* x, float* y, int n, std::int64_t rows);
    void addBias(const DeviceParameter& bias, float* y, int n);
    void add(const Room<float>& addend);
    const DeviceLayer& layerOf(int layer) const { return m_weights->layers[static_cast<std::size_t>(layer)]; }

    const ModelSpec& m_spec;
    std::shared_ptr<const DeviceWeights> m_weights;
    std::optional<ActGrid> m_acts;
    cuda::Stream m_stream;
    std::int64_t m_rows = 0;
    Products m_products = Products::Decode;
    Room<float> m_x, m_normed, m_attentionAdds, m_ffnAdds; // (rows, D)
    Room<float> m_inner, m_up;                             // (rows, F)
    Room<float> m_rounded;                                 // (rows, the widest input of a matrix) x̂
    Room<unsigned char> m_codes;                           // of it, for products of whole numbers
    Room<int> m_zeros;                                     // (rows)
    Room<float> m_scales;
    Traffic m_moved;
};

} // namespace fovea
