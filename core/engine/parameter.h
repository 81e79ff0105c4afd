#pragma once
// A model's parameters as the CPU kernels take them: floats, the blocks of a file that keeps its weights so, or the
// packed rows that a plan rounded them to; in the mapped file where that is where they lie.

#include <ATen/core/Tensor.h>

#include <stdexcept>

#include "core/cache/scalar_type.h"
#include "core/kernels/cpu/kernels.h"
#include "core/model/model.h"

namespace fovea {

class Parameter {
public:
    Parameter() = default; // of what a model does not have
    explicit Parameter(const Weight& weight) {
        if (!weight.defined())
            return;
        m_tensor = weight.stored().detach().contiguous();
        m_blocks = weight.blocks();
        m_rtn = weight.rtn();
        const auto type = elementType(m_tensor.scalar_type());
        if (!type && weight.isFloats())
            throw std::invalid_argument("The CPU kernels read f32, f16, bf16, block and packed weights only.");
        m_type = type.value_or(ElementType::F32);
    }

    bool defined() const { return m_tensor.defined(); }
    ElementType type() const { return m_type; } // of floats
    const void* data() const { return m_tensor.data_ptr(); }
    std::int64_t rows() const { return m_tensor.size(0); }
    std::int64_t rowBytes() const { return bytes() / rows(); }
    const void* row(std::int64_t i) const { return static_cast<const char*>(data()) + i * rowBytes(); }
    std::int64_t bytes() const { return static_cast<std::int64_t>(m_tensor.nbytes()); }

    // to (columns) = row i
    void widenRow(std::int64_t i, float* to, std::int64_t columns) const { widenRows(i, 1, to, columns); }
    // to (count, columns) = rows from `first` on
    void widenRows(std::int64_t first, std::int64_t count, float* to, std::int64_t columns) const {
        if (m_rtn)
            cpu::widen(*m_rtn, row(first), to, count, columns);
        else if (m_blocks == BlockType::None)
            cpu::widen(m_type, row(first), to, count * columns);
        else
            cpu::widen(m_blocks, row(first), to, count * columns);
    }
    // As kernels take a matrix; this outlives it.
    cpu::StoredMatrix matrix() const {
        return {data(), rows(), m_type, m_blocks, m_rtn ? &*m_rtn : nullptr};
    }

private:
    at::Tensor m_tensor;
    BlockType m_blocks = BlockType::None;
    std::optional<RtnParams> m_rtn;
    ElementType m_type = ElementType::F32; // of floats
};

struct LinearParameters {
    LinearParameters() = default;
    explicit LinearParameters(const Linear& w) : weight(w.weight), bias(Weight(w.bias)) {}
    Parameter weight, bias;
};

struct GainParameters {
    GainParameters() = default;
    explicit GainParameters(const Gain& w) : gain(Weight(w.gain)), bias(Weight(w.bias)) {}
    Parameter gain, bias;
};

struct LayerParameters {
    explicit LayerParameters(const LayerWeights& w)
        : attentionNorm(w.attentionNorm), keyValueNorm(w.keyValueNorm), query(w.query), key(w.key), value(w.value), queryNorm(w.queryNorm),
          keyNorm(w.keyNorm), output(w.output), attentionOutputNorm(w.attentionOutputNorm),
          ffnNorm(w.ffnNorm), gate(w.gate), up(w.up), down(w.down), ffnOutputNorm(w.ffnOutputNorm) {}

    GainParameters attentionNorm, keyValueNorm;
    LinearParameters query, key, value;
    GainParameters queryNorm, keyNorm;
    LinearParameters output;
    GainParameters attentionOutputNorm, ffnNorm;
    LinearParameters gate, up, down;
    GainParameters ffnOutputNorm;
};

} // namespace fovea
