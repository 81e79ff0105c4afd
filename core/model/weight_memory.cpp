#include "core/model/weight_memory.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "core/cache/huge_pages.h"

namespace fovea {

namespace {

constexpr std::size_t kRun = 8 * kHugePage, kLine = 64;

std::size_t roundedUp(std::size_t bytes, std::size_t to) {
    return (bytes + to - 1) / to * to;
}

} // namespace

at::Tensor WeightMemory::take(std::int64_t rows, std::int64_t columns, c10::ScalarType type) {
    const std::size_t wanted =
        roundedUp(static_cast<std::size_t>(rows * columns) * c10::elementSize(type), kLine);
    if (!m_run || m_bytes - m_used < wanted) {
        m_bytes = roundedUp(std::max(wanted, kRun), kHugePage);
        m_used = 0;
        auto* const memory = static_cast<std::byte*>(std::aligned_alloc(kHugePage, m_bytes));
        if (!memory)
            throw std::bad_alloc();
        adviseHugePages(memory, m_bytes);
        m_run = {memory, [](std::byte* run) { std::free(run); }};
    }
    std::byte* const from = m_run.get() + m_used;
    m_used += wanted;
    return at::from_blob(
        from, {rows, columns}, [run = m_run](void*) {}, at::TensorOptions().dtype(type));
}

} // namespace fovea
