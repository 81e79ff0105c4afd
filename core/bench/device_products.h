#pragma once
// Products of matrices and vectors on the GPU, with weights in each form, as many matrices of each as fill a working set.

#include <cstdint>
#include <vector>

#include "core/bench/device_cache.h"
#include "core/bench/device_work.h"
#include "core/bench/gemv_bench.h"
#include "core/kernels/cuda/gemv.h"

namespace fovea {

class DeviceProducts {
public:
    // Throws std::invalid_argument with a sentence where the kernels do not take the product, cuda::OutOfMemory.
    DeviceProducts(const MatrixForm& form, std::int64_t rows, std::int64_t columns, int vectors, int copies,
                   RandomMemory& random, cuda::Stream stream);
    static std::int64_t bytes(const MatrixForm& form, std::int64_t rows, std::int64_t columns, int vectors,
                              int copies);

    int copies() const { return m_copies; }
    // The product with each copy of the matrix.
    void queue(cuda::Stream stream) const;

private:
    void queueOne(int copy, cuda::Stream stream) const;

    MatrixForm m_form;
    std::int64_t m_rows, m_columns;
    int m_vectors, m_copies;
    std::int64_t m_apart; // bytes from one copy to the next
    cuda::DeviceBuffer m_weights, m_x, m_y;
};

} // namespace fovea
