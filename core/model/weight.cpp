#include "core/model/weight.h"

#include <ATen/ops/embedding.h>

#include <stdexcept>

#include "core/cache/scalar_type.h"

namespace fovea {

namespace {

// Blocks are decoded by the readers that bring them.
void requireFloats(BlockType type) {
    if (type != BlockType::None)
        throw std::logic_error("Weights of type " + std::string(blockShape(type).name) +
                               " cannot be decoded.");
}

} // namespace

std::string_view Weight::typeName() const {
    if (m_blocks != BlockType::None)
        return blockShape(m_blocks).name;
    const auto type = elementType(m_stored.scalar_type());
    return type ? elementName(*type) : "";
}

at::Tensor Weight::to(c10::ScalarType type) const {
    requireFloats(m_blocks);
    return m_stored.to(type);
}

at::Tensor Weight::rows(std::int64_t first, std::int64_t count, c10::ScalarType type) const {
    requireFloats(m_blocks);
    return m_stored.narrow(0, first, count).to(type);
}

at::Tensor Weight::take(const at::Tensor& which, c10::ScalarType type) const {
    requireFloats(m_blocks);
    return at::embedding(m_stored, which).to(type);
}

} // namespace fovea
