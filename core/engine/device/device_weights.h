#pragma once
// A model's parameters on the GPU, as the file or the plan has them. Every session of a model shares them.

#include <memory>
#include <optional>
#include <vector>

#include "core/engine/parameter.h"
#include "core/kernels/cuda/device_memory.h"
#include "core/kernels/cuda/gemv.h"

namespace fovea {

// A Parameter's copy. Whoever lent it owns the memory.
struct DeviceParameter {
    const void* data = nullptr; // null: the model has none
    std::int64_t rows = 0, bytes = 0, rowBytes = 0;
    ElementType type = ElementType::F32;    // of floats
    BlockType blocks = BlockType::None;     // of a file that keeps its weights so
    std::optional<cuda::PackedRows> packed; // of rows that a plan rounded

    bool defined() const { return data != nullptr; }
};

struct DeviceLinear {
    DeviceParameter weight, bias;
};
struct DeviceGain {
    DeviceParameter gain, bias;
};
struct DeviceLayer {
    DeviceGain attentionNorm, keyValueNorm;
    DeviceLinear query, key, value;
    DeviceGain queryNorm, keyNorm;
    DeviceLinear output;
    DeviceGain attentionOutputNorm, ffnNorm;
    DeviceLinear gate, up, down;
    DeviceGain ffnOutputNorm;
};

class DeviceWeights {
    std::vector<cuda::DeviceBuffer> m_buffers; // before what is placed in them
    std::int64_t m_bytes = 0;

public:
    // Copies everything. Throws cuda::OutOfMemory.
    explicit DeviceWeights(const Model& model);

    DeviceParameter embedding, positions, head;
    DeviceGain finalNorm;
    std::vector<DeviceLayer> layers;

    std::int64_t bytes() const { return m_bytes; }

private:
    DeviceParameter place(const Parameter& parameter, std::int64_t columns);
    DeviceLinear place(const Linear& linear);
    DeviceGain place(const Gain& gain);
};

// Of a model that is in use: copied at the first call, kept until the model is closed or others want the memory. Throws
// cuda::OutOfMemory.
std::shared_ptr<const DeviceWeights> deviceWeights(const std::shared_ptr<const Model>& model);

} // namespace fovea
