#pragma once
// Memory for the matrices of a model that is made here and not mapped from a file. A step reads all of it, and in pages
// of 4 KiB it does so a fifth slower than in pages of 2 MiB (measured in CONTRIBUTING); so matrices share runs of memory
// that are large enough for those.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <memory>

namespace fovea {

// For one thread. What it gave lives on without it.
class WeightMemory {
public:
    // (rows, columns), not initialised, at a multiple of 64 bytes. Throws std::bad_alloc.
    at::Tensor take(std::int64_t rows, std::int64_t columns, c10::ScalarType type);

private:
    std::shared_ptr<std::byte> m_run;
    std::size_t m_used = 0, m_bytes = 0; // of the run
};

} // namespace fovea
