#pragma once
// A parameter as it is held: a tensor of a float type, mapped from the file where it can be, the blocks of a GGUF type,
// or the packed rows that a plan rounded it to. Kernels read the last two in place and ATen sees them decoded.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/methods/quantise/rtn.h"
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
    // packed: uint8 (rows, rtnRow's bytes)
    Weight(at::Tensor packed, const RtnParams& rtn, std::int64_t columns)
        : m_stored(std::move(packed)), m_rtn(rtn), m_columns(columns) {}

    bool defined() const { return m_stored.defined(); }
    BlockType blocks() const { return m_blocks; }         // None: floats or packed rows
    const std::optional<RtnParams>& rtn() const { return m_rtn; } // empty: floats or blocks
    bool isFloats() const { return m_blocks == BlockType::None && !m_rtn; }
    const at::Tensor& stored() const { return m_stored; } // as held
    std::string_view typeName() const;                    // "bf16", "Q4_K"

    // (rows, columns) decoded or cast; the same tensor when it is that already, and autograd goes through.
    at::Tensor to(c10::ScalarType type) const;
    // The rows [first, first + count) alone, or those that `which` (int64, any shape) names: (…, columns).
    at::Tensor rows(std::int64_t first, std::int64_t count, c10::ScalarType type) const;
    at::Tensor take(const at::Tensor& which, c10::ScalarType type) const;

    std::int64_t rows() const { return m_stored.size(0); }
    std::int64_t columns() const { return isFloats() ? m_stored.size(-1) : m_columns; }
    std::int64_t elements() const { return m_stored.dim() == 1 ? rows() : rows() * columns(); }
    std::int64_t bytes() const { return static_cast<std::int64_t>(m_stored.nbytes()); }
    std::int64_t rowBytes() const { return bytes() / rows(); }

private:
    at::Tensor decoded(const at::Tensor& rows) const; // f32 (rows, columns) of some of the stored rows

    at::Tensor m_stored;
    BlockType m_blocks = BlockType::None;
    std::optional<RtnParams> m_rtn;
    std::int64_t m_columns = 0; // of blocks and packed rows
};

} // namespace fovea
