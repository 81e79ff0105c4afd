#pragma once
// A parameter as its file holds it: a tensor of a float type, mapped from the file where it can be, or the
// blocks of a GGUF type, which kernels read in place and ATen sees decoded.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string_view>

#include "core/model/block_type.h"

namespace fovea {

class Weight {
public:
    Weight() = default;
    // f32, f16 or bf16, (n) or (rows, columns). Implicit: most weights are just that.
    Weight(at::Tensor values) : m_stored(std::move(values)) {}
    // blocks: uint8 (rows, bytes of a row)
    Weight(at::Tensor blocks, BlockType type, std::int64_t columns)
        : m_stored(std::move(blocks)), m_blocks(type), m_columns(columns) {}

    bool defined() const { return m_stored.defined(); }
    BlockType blocks() const { return m_blocks; }         // None: a float tensor
    const at::Tensor& stored() const { return m_stored; } // as held
    std::string_view typeName() const;                    // "bf16", "Q4_K"

    // (rows, columns) decoded or cast; the same tensor when it is that already, and autograd goes through.
    at::Tensor to(c10::ScalarType type) const;
    // The rows [first, first + count) alone, or those that `which` (int64, any shape) names: (…, columns).
    at::Tensor rows(std::int64_t first, std::int64_t count, c10::ScalarType type) const;
    at::Tensor take(const at::Tensor& which, c10::ScalarType type) const;

    std::int64_t rows() const { return m_stored.size(0); }
    std::int64_t columns() const { return m_blocks == BlockType::None ? m_stored.size(-1) : m_columns; }
    std::int64_t elements() const { return m_stored.dim() == 1 ? rows() : rows() * columns(); }
    std::int64_t bytes() const { return static_cast<std::int64_t>(m_stored.nbytes()); }
    std::int64_t rowBytes() const { return bytes() / rows(); }

private:
    at::Tensor m_stored;
    BlockType m_blocks = BlockType::None;
    std::int64_t m_columns = 0; // of blocks
};

} // namespace fovea
