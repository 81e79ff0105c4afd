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

std::string_view Weight::typeName() const {
    if (m_rtn)
        return m_rtn->bits == 8 ? "rtn8" : m_rtn->bits == 4 ? "rtn4" : m_rtn->bits == 3 ? "rtn3" : "rtn2";
    if (m_blocks != BlockType::None)
        return blockShape(m_blocks).name;
    const auto type = elementType(m_stored.scalar_type());
    return type ? elementName(*type) : "";
}

at::Tensor Weight::decoded(const at::Tensor& some) const {
    const at::Tensor rows = some.contiguous();
    at::Tensor values = at::empty({rows.size(0), m_columns}, at::kFloat);
    const auto* from = rows.data_ptr<std::uint8_t>();
    auto* to = values.data_ptr<float>();
    const std::int64_t rowBytes = rows.size(1), atOnce = std::max<std::int64_t>(1, 32768 / m_columns);
    at::parallel_for(0, rows.size(0), atOnce, [&](std::int64_t first, std::int64_t last) {
        if (m_rtn)
            cpu::widen(*m_rtn, from + first * rowBytes, to + first * m_columns, last - first, m_columns);
        else
            cpu::widen(m_blocks, from + first * rowBytes, to + first * m_columns, (last - first) * m_columns);
    });
    return values;
}

at::Tensor Weight::to(c10::ScalarType type) const {
    return isFloats() ? m_stored.to(type) : decoded(m_stored).to(type);
}

at::Tensor Weight::rows(std::int64_t first, std::int64_t count, c10::ScalarType type) const {
    const at::Tensor some = m_stored.narrow(0, first, count);
    return isFloats() ? some.to(type) : decoded(some).to(type);
}

at::Tensor Weight::take(const at::Tensor& which, c10::ScalarType type) const {
    if (isFloats())
        return at::embedding(m_stored, which).to(type);
    const at::Tensor some = at::index_select(m_stored, 0, which.reshape({-1}));
    std::vector<std::int64_t> shape = which.sizes().vec();
    shape.push_back(m_columns);
    return decoded(some).to(type).reshape(shape);
}

} // namespace fovea
