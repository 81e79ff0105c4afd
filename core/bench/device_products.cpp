#include "core/bench/device_products.h"

#include <variant>

#include "core/kernels/cuda/rtn_packed_rows.h"

namespace fovea {

namespace {

// A matrix begins where kernels may read words.
std::int64_t apart(const MatrixForm& form, std::int64_t rows, std::int64_t columns) {
    constexpr std::int64_t kAlignment = 256;
    return (matrixFormBytes(form, rows, columns) + kAlignment - 1) / kAlignment * kAlignment;
}

std::size_t floats(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(float);
}

} // namespace

std::int64_t DeviceProducts::bytes(const MatrixForm& form, std::int64_t rows, std::int64_t columns,
                                   int vectors, int copies) {
    return copies * apart(form, rows, columns) +
           static_cast<std::int64_t>(floats(vectors * (rows + columns)));
}

DeviceProducts::DeviceProducts(const MatrixForm& form, std::int64_t rows, std::int64_t columns, int vectors,
                               int copies, RandomMemory& random, cuda::Stream stream)
    : m_form(form), m_rows(rows), m_columns(columns), m_vectors(vectors), m_copies(copies),
      m_apart(apart(form, rows, columns)), m_weights(static_cast<std::size_t>(copies * m_apart)),
      m_x(floats(vectors * columns)), m_y(floats(vectors * rows)) {
    random.fill(m_weights, stream);
    random.fill(m_x, stream);
    cuda::wait(stream);
}

void DeviceProducts::queue(cuda::Stream stream) const {
    for (int copy = 0; copy < m_copies; ++copy)
        queueOne(copy, stream);
}

void DeviceProducts::queueOne(int copy, cuda::Stream stream) const {
    cuda::Gemv step;
    step.products[0] = {m_weights.as<std::byte>() + copy * m_apart, m_rows, m_y.as<float>()};
    step.x = m_x.as<float>();
    step.in = m_columns;
    step.vectors = m_vectors;
    if (const auto* rtn = std::get_if<RtnParams>(&m_form))
        cuda::gemv(cuda::packedRowsOf(*rtn, m_columns), step, stream);
    else
        cuda::gemv(std::get<ElementType>(m_form), step, stream);
}

} // namespace fovea
