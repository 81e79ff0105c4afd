#include "core/engine/capture.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/engine/store_codecs.h"
#include "core/model/checked_file.h"
#include "core/model/model_spec.h"

namespace fovea {

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::string mebibytes(std::int64_t bytes) {
    return std::to_string(bytes / (1 << 20)) + " MiB";
}

} // namespace

std::int64_t captureBytesPerLayer(const ModelSpec& spec, std::int64_t capacity) {
    const std::int64_t heads = spec.queryHeads + 2 * std::int64_t{spec.kvHeads};
    const auto elements = checkedProduct(capacity, spec.headDim * heads);
    const auto bytes = elements ? checkedProduct(*elements, sizeof(float)) : std::nullopt;
    return bytes.value_or(kMost);
}

namespace {

std::int64_t bytesOf(const ModelSpec& spec, std::int64_t capacity, int layer) {
    const std::int64_t whole = captureBytesPerLayer(spec, capacity);
    const std::int64_t heads = spec.queryHeads + 2 * std::int64_t{spec.kvHeads};
    return spec.ownsKv(layer) || whole == kMost ? whole : whole / heads * spec.queryHeads;
}

} // namespace

std::int64_t captureBytes(const ModelSpec& spec, std::int64_t capacity, int layers) {
    std::int64_t bytes = 0;
    for (int layer = 0; layer < layers; ++layer) {
        const std::int64_t own = bytesOf(spec, capacity, layer);
        bytes = bytes > kMost - own ? kMost : bytes + own;
    }
    return bytes;
}

int capturedLayers(const ModelSpec& spec, std::int64_t capacity, std::int64_t budgetBytes) {
    int layers = 0;
    while (budgetBytes > 0 && layers < spec.layers && bytesOf(spec, capacity, layers) <= budgetBytes)
        budgetBytes -= bytesOf(spec, capacity, layers++);
    return layers;
}

Capture::Capture(const ModelSpec& spec, std::int64_t capacity, std::int64_t budgetBytes)
    : m_queryHeads(spec.queryHeads), m_kvHeads(spec.kvHeads), m_headDim(spec.headDim), m_spec(spec),
      m_capacity(capacity) {
    const std::int64_t perLayer = captureBytesPerLayer(spec, capacity);
    m_layers = capturedLayers(spec, capacity, budgetBytes);
    if (m_layers < spec.layers)
        m_leftOut = "layers " + std::to_string(m_layers) + " to " + std::to_string(spec.layers - 1) +
                    " left out: the capture budget of " + mebibytes(budgetBytes) + " holds " +
                    std::to_string(m_layers) + " layers of " + mebibytes(perLayer) +
                    (spec.kvLayers() < spec.layers ? " or less" : "");
    int owners = 0;
    for (int layer = 0; layer < m_layers; ++layer)
        m_kvOf.push_back(spec.ownsKv(layer) ? owners++ : m_kvOf[static_cast<std::size_t>(spec.kvSource(layer))]);
    const auto rows = static_cast<std::size_t>(m_layers) * static_cast<std::size_t>(capacity * spec.headDim);
    m_q.resize(rows * static_cast<std::size_t>(m_queryHeads));
    const auto owned =
        static_cast<std::size_t>(owners) * static_cast<std::size_t>(capacity * spec.headDim * m_kvHeads);
    m_k.resize(owned);
    m_v.resize(owned);
}

std::int64_t Capture::bytes() const {
    return static_cast<std::int64_t>((m_q.size() + m_k.size() + m_v.size()) * sizeof(float));
}

std::size_t Capture::row(std::int64_t layer, int heads, int head, std::int64_t position) const {
    return static_cast<std::size_t>(
        ((layer * heads + head) * m_capacity + position) * m_headDim);
}

void Capture::write(int layer, std::int64_t position, const float* q, const float* k, const float* v) {
    if (layer >= m_layers || position >= m_capacity)
        return;
    const auto bytes = static_cast<std::size_t>(m_headDim) * sizeof(float);
    for (int h = 0; h < m_queryHeads; ++h)
        std::memcpy(&m_q[row(layer, m_queryHeads, h, position)], q + h * m_headDim, bytes);
    if (!m_spec.ownsKv(layer))
        return;
    const int owner = m_kvOf[static_cast<std::size_t>(layer)];
    for (int g = 0; g < m_kvHeads; ++g) {
        std::memcpy(&m_k[row(owner, m_kvHeads, g, position)], k + g * m_headDim, bytes);
        std::memcpy(&m_v[row(owner, m_kvHeads, g, position)], v + g * m_headDim, bytes);
    }
}

const float* Capture::q(int layer, int queryHead) const {
    return &m_q[row(layer, m_queryHeads, queryHead, 0)];
}
const float* Capture::k(int layer, int kvHead) const {
    return &m_k[row(m_kvOf[static_cast<std::size_t>(layer)], m_kvHeads, kvHead, 0)];
}
const float* Capture::v(int layer, int kvHead) const {
    return &m_v[row(m_kvOf[static_cast<std::size_t>(layer)], m_kvHeads, kvHead, 0)];
}

std::shared_ptr<const StoreCodecs> Capture::codecsOf(const Store& store) const {
    return m_codecs ? m_codecs(store) : plainCodecs(store, m_spec);
}

} // namespace fovea
