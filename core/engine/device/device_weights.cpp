#include "core/engine/device/device_weights.h"

#include <atomic>

#include "core/engine/kept_models.h"
#include "core/kernels/cuda/rtn_packed_rows.h"
#include "core/model/model.h"

namespace fovea {

DeviceWeights::DeviceWeights(const Model& model)
    : embedding(place(Parameter(model.embedding), model.spec.width)),
      positions(place(Parameter(model.positions), model.spec.width)),
      head(model.head.stored().is_same(model.embedding.stored())
               ? embedding
               : place(Parameter(model.head), model.spec.width)),
      finalNorm(place(model.finalNorm)) {
    layers.reserve(model.layers.size());
    for (const LayerWeights& w : model.layers)
        layers.push_back({place(w.attentionNorm), place(w.keyValueNorm), place(w.query), place(w.key),
                          place(w.value), place(w.queryNorm), place(w.keyNorm), place(w.output),
                          place(w.attentionOutputNorm), place(w.ffnNorm), place(w.gate), place(w.up),
                          place(w.down), place(w.ffnOutputNorm)});
}

DeviceParameter DeviceWeights::place(const Parameter& parameter, std::int64_t columns) {
    DeviceParameter placed;
    if (!parameter.defined())
        return placed;
    const auto bytes = static_cast<std::size_t>(parameter.bytes());
    m_buffers.emplace_back(bytes);
    cuda::upload(m_buffers.back().data(), parameter.data(), bytes, nullptr);
    cuda::wait(nullptr); // kernels run on streams of their own
    m_bytes += parameter.bytes();
    placed.data = m_buffers.back().data();
    placed.rows = parameter.rows();
    placed.bytes = parameter.bytes();
    placed.rowBytes = parameter.rowBytes();
    placed.type = parameter.type();
    placed.blocks = parameter.matrix().blocks;
    if (const RtnParams* const rtn = parameter.matrix().rtn)
        placed.packed = cuda::packedRowsOf(*rtn, columns);
    return placed;
}

DeviceLinear DeviceWeights::place(const Linear& linear) {
    const std::int64_t columns = linear.weight.defined() ? linear.weight.columns() : 0;
    return {place(Parameter(linear.weight), columns), place(Parameter(Weight(linear.bias)), columns)};
}

DeviceGain DeviceWeights::place(const Gain& gain) {
    return {place(Parameter(Weight(gain.gain)), 0), place(Parameter(Weight(gain.bias)), 0)};
}

std::shared_ptr<const DeviceWeights> deviceWeights(const std::shared_ptr<const Model>& model) {
    constexpr std::size_t kMost = 2;
    static KeptModels<int, kMost, DeviceWeights> kept;
    static const std::atomic<bool> never = false;
    const auto make = [&] { return std::make_shared<const DeviceWeights>(*model); };
    try {
        return kept.get(model, 0, make, never);
    } catch (const cuda::OutOfMemory&) {
        kept.dropAll(); // another model's may be in the way
        return kept.get(model, 0, make, never);
    }
}

} // namespace fovea
