#include "core/model/weight.h"

#include <ATen/Parallel.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <vector>

#include "core/cache/scalar_type.h"
#include "core/kernels/cpu/kernels.h"

namespace fovea {

namespace {

// uint8 (rows, bytes of a row) -> f32 (rows, columns)
at::Tensor decoded(const at::Tensor& blocks, BlockType type, std::int64_t columns) {
    const at::Tensor rows = blocks.contiguous();
    at::Tensor values = at::empty({rows.size(0), columns}, at::kFloat);
    const auto* from = rows.data_ptr<std::uint8_t>();
    auto* to = values.data_ptr<float>();
    const std::int64_t rowBytes = rows.size(1), atOnce = std::max<std::int64_t>(1, 32768 / columns);
    at::parallel_for(0, rows.size(0), atOnce, [&](std::int64_t first, std::int64_t last) {
        cpu::widen(type, from + first * rowBytes, to + first * columns, (last - first) * columns);
    });
    return values;
}

} // namespace

std::string_view Weight::typeName() const {
    if (m_blocks != BlockType::None)
        return blockShape(m_blocks).name;
    const auto type = elementType(m_stored.scalar_type());
    return type ? elementName(*type) : "";
}

at::Tensor Weight::to(c10::ScalarType type) const {
    return m_blocks == BlockType::None ? m_stored.to(type) : decoded(m_stored, m_blocks, m_columns).to(type);
}

at::Tensor Weight::rows(std::int64_t first, std::int64_t count, c10::ScalarType type) const {
    const at::Tensor some = m_stored.narrow(0, first, count);
    return m_blocks == BlockType::None ? some.to(type) : decoded(some, m_blocks, m_columns).to(type);
}

at::Tensor Weight::take(const at::Tensor& which, c10::ScalarType type) const {
    if (m_blocks == BlockType::None)
        return at::embedding(m_stored, which).to(type);
    const at::Tensor some = at::index_select(m_stored, 0, which.reshape({-1}));
    std::vector<std::int64_t> shape = which.sizes().vec();
    shape.push_back(m_columns);
    return decoded(some, m_blocks, m_columns).to(type).reshape(shape);
}

} // namespace fovea
