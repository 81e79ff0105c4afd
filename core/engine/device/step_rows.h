#pragma once
// q, k and v that a pass makes, of every layer and row: on the device, where attention takes them, and once they were
// fetched on the host, whose cache and capture are to have the same.

#include <cstdint>

#include "core/engine/device/device_layers.h"
#include "core/engine/device/room.h"
#include "core/engine/sequence.h"
#include "core/model/model_spec.h"

namespace fovea {

class StepRows {
public:
    explicit StepRows(const ModelSpec& spec) : m_spec(spec) {} // which outlives it

    // Of `rows` tokens. Throws cuda::OutOfMemory.
    void begin(std::int64_t rows) {
        m_rows = rows;
        m_device.atLeast(m_spec.layers * ofLayer());
        m_host.atLeast(m_spec.layers * ofLayer());
    }

    DeviceLayers::Heads on(int layer) const { return in(m_device.data(), layer); }
    DeviceLayers::Heads fetched(int layer) {
        return in(m_host.data(), layer);
    } // once the stream was waited for

    void fetch(cuda::Stream stream) {
        cuda::download(m_host.data(), m_device.data(), bytes() * m_spec.layers, stream);
    }
    void fetch(int layer, cuda::Stream stream) {
        cuda::download(fetched(layer).q, on(layer).q, bytes(), stream);
    }
    void giveBack(int layer, cuda::Stream stream) {
        cuda::upload(on(layer).q, fetched(layer).q, bytes(), stream);
    }

    // Row `row` becomes `text`'s token at `position`.
    void appendTo(Sequence& text, int layer, std::int64_t row, std::int64_t position) {
        const DeviceLayers::Heads heads = fetched(layer);
        const std::int64_t d = m_spec.headDim, kv = row * m_spec.kvHeads * d;
        const bool owns = m_spec.ownsKv(layer);
        text.append(layer, position, heads.q + row * m_spec.queryHeads * d, owns ? heads.k + kv : nullptr,
                    owns ? heads.v + kv : nullptr);
    }

private:
    // (rows, H, d) of q, then (rows, G, d) of k and of v.
    std::int64_t ofLayer() const {
        return m_rows * (std::int64_t{m_spec.queryHeads} + 2 * m_spec.kvHeads) * m_spec.headDim;
    }
    std::size_t bytes() const { return static_cast<std::size_t>(ofLayer()) * sizeof(float); }
    DeviceLayers::Heads in(float* all, int layer) const {
        float* const q = all + layer * ofLayer();
        float* const k = q + m_rows * m_spec.queryHeads * m_spec.headDim;
        return {q, k, k + m_rows * m_spec.kvHeads * m_spec.headDim};
    }

    const ModelSpec& m_spec;
    std::int64_t m_rows = 0;
    Room<float> m_device;
    HostRoom<float> m_host;
};

} // namespace fovea
