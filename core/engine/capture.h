#pragma once
// The dense Q, K and V of a run, from which any head's map can be drawn again under any plan (replay.h).
// Storage is taken once, for `capacity` tokens, so a running session may append rows while a published Run
// reads the rows before them. What does not fit the budget is left out, last layers first, and said.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/cache/row_codec.h"
#include "core/methods/store/store.h"
#include "core/model/model_spec.h"

namespace fovea {

// What a capture takes of a layer that owns its KV, and of the first `layers` (those that borrow have Q alone), and how
// many layers fit a budget: all that a Capture will hold, before there is one. Bytes beyond 64 bits are the largest
// number that is not.
std::int64_t captureBytesPerLayer(const ModelSpec& spec, std::int64_t capacity);
std::int64_t captureBytes(const ModelSpec& spec, std::int64_t capacity, int layers);
int capturedLayers(const ModelSpec& spec, std::int64_t capacity, std::int64_t budgetBytes);

class Capture {
public:
    Capture(const ModelSpec& spec, std::int64_t capacity, std::int64_t budgetBytes);

    int layers() const { return m_layers; } // captured, from layer 0
    int queryHeads() const { return m_queryHeads; }
    int kvHeads() const { return m_kvHeads; }
    int headDim() const { return m_headDim; }
    // Of the model it was taken from, as it ran: under a plan's share.
    const ModelSpec& spec() const { return m_spec; }
    std::int64_t capacity() const { return m_capacity; }
    std::int64_t bytes() const;
    // "layers 6 to 31 left out: 512 MiB would hold 6" or empty.
    const std::string& leftOut() const { return m_leftOut; }

    // What makes codecs of stores for this capture's model, where rows of a store are read by some (store_codecs.h). Without
    // it only those that need no codebooks are known.
    using CodecSource = std::function<std::shared_ptr<const StoreCodecs>(const Store& store)>;
    void readCodecsBy(CodecSource source) { m_codecs = std::move(source); }
    // Null for stores that need none. Throws what the source does.
    std::shared_ptr<const StoreCodecs> codecsOf(const Store& store) const;

    // One token of one layer: q (H, d) after RoPE, k and v (G, d) fp32, which are not looked at where the layer borrows
    // them. Layers beyond layers() are ignored.
    void write(int layer, std::int64_t position, const float* q, const float* k, const float* v);

    // (capacity, d) row-major. K and V are what the layer attends over: its owner's.
    const float* q(int layer, int queryHead) const;
    const float* k(int layer, int kvHead) const;
    const float* v(int layer, int kvHead) const;

private:
    std::size_t row(std::int64_t layer, int heads, int head, std::int64_t position) const;

    int m_layers = 0, m_queryHeads = 0, m_kvHeads = 0, m_headDim = 0;
    ModelSpec m_spec;
    std::int64_t m_capacity = 0;
    std::string m_leftOut;
    CodecSource m_codecs;
    std::vector<int> m_kvOf;          // (layer) which of the layers that m_k and m_v hold it reads
    std::vector<float> m_q, m_k, m_v; // (layer, head, capacity, d); K and V of owners only
};

} // namespace fovea
