#include "core/engine/capture.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/model/checked_file.h"
#include "core/model/model_spec.h"

namespace fovea {

namespace {

std::string mebibytes(std::int64_t bytes) {
    return std::to_string(bytes / (1 << 20)) + " MiB";
}

} // namespace

std::int64_t captureBytesPerLayer(const ModelSpec& spec, std::int64_t capacity) {
    const std::int64_t heads = spec.queryHeads + 2 * std::int64_t{spec.kvHeads};
    const auto elements = checkedProduct(capacity, spec.headDim * heads);
    const auto bytes = elements ? checkedProduct(*elements, sizeof(float)) : std::nullopt;
    return bytes.value_or(std::numeric_limits<std::int64_t>::max());
}

int capturedLayers(const ModelSpec& spec, std::int64_t capacity, std::int64_t budgetBytes) {
    const std::int64_t perLayer = captureBytesPerLayer(spec, capacity);
    return perLayer > 0 && budgetBytes > 0
               ? static_cast<int>(std::min<std::int64_t>(spec.layers, budgetBytes / perLayer))
               : 0;
}

Capture::Capture(const ModelSpec& spec, std::int64_t capacity, std::int64_t budgetBytes)
    : m_queryHeads(spec.queryHeads), m_kvHeads(spec.kvHeads), m_headDim(spec.headDim), m_spec(spec),
      m_capacity(capacity) {
    const std::int64_t perLayer = captureBytesPerLayer(spec, capacity);
    m_layers = capturedLayers(spec, capacity, budgetBytes);
    if (m_layers < spec.layers)
        m_leftOut = "layers " + std::to_string(m_layers) + " to " + std::to_string(spec.layers - 1) +
                    " left out: the capture budget of " + mebibytes(budgetBytes) + " holds " +
                    std::to_string(m_layers) + " layers of " + mebibytes(perLayer);
    const auto rows = static_cast<std::size_t>(m_layers) * static_cast<std::size_t>(capacity * spec.headDim);
    m_q.resize(rows * static_cast<std::size_t>(m_queryHeads));
    m_k.resize(rows * static_cast<std::size_t>(m_kvHeads));
    m_v.resize(rows * static_cast<std::size_t>(m_kvHeads));
}

std::int64_t Capture::bytes() const {
    return static_cast<std::int64_t>((m_q.size() + m_k.size() + m_v.size()) * sizeof(float));
}

std::size_t Capture::row(int layer, int heads, int head, std::int64_t position) const {
    return static_cast<std::size_t>(
        ((static_cast<std::int64_t>(layer) * heads + head) * m_capacity + position) * m_headDim);
}

void Capture::write(int layer, std::int64_t position, const float* q, const float* k, const float* v) {
    if (layer >= m_layers || position >= m_capacity)
        return;
    const auto bytes = static_cast<std::size_t>(m_headDim) * sizeof(float);
    for (int h = 0; h < m_queryHeads; ++h)
        std::memcpy(&m_q[row(layer, m_queryHeads, h, position)], q + h * m_headDim, bytes);
    for (int g = 0; g < m_kvHeads; ++g) {
        std::memcpy(&m_k[row(layer, m_kvHeads, g, position)], k + g * m_headDim, bytes);
        std::memcpy(&m_v[row(layer, m_kvHeads, g, position)], v + g * m_headDim, bytes);
    }
}

const float* Capture::q(int layer, int queryHead) const {
    return &m_q[row(layer, m_queryHeads, queryHead, 0)];
}
const float* Capture::k(int layer, int kvHead) const {
    return &m_k[row(layer, m_kvHeads, kvHead, 0)];
}
const float* Capture::v(int layer, int kvHead) const {
    return &m_v[row(layer, m_kvHeads, kvHead, 0)];
}

} // namespace fovea
