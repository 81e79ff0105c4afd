#include "core/cache/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>

namespace fovea {

namespace {

// What the pool asks for, by the chunk.
class Chunks final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (bytes < kHugePage)
            return m_small->allocate(bytes, alignment);
        void* const memory = m_small->allocate(bytes, std::max(alignment, kHugePage));
        adviseHugePages(memory, bytes);
        return memory;
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        m_small->deallocate(memory, bytes, bytes < kHugePage ? alignment : std::max(alignment, kHugePage));
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::pmr::memory_resource* m_small = std::pmr::new_delete_resource();
};

} // namespace

void adviseHugePages(void* memory, std::size_t bytes) {
#ifdef MADV_HUGEPAGE
    madvise(memory, bytes, MADV_HUGEPAGE); // advice: where it is not taken, nothing is lost but speed
#else
    (void)memory, (void)bytes;
#endif
}

std::pmr::memory_resource* hugePageMemory() {
    // Never destroyed: a cache may outlive other statics.
    static auto* const chunks = new Chunks;
    static auto* const pool = new std::pmr::synchronized_pool_resource(
        std::pmr::pool_options{.max_blocks_per_chunk = 64, .largest_required_pool_block = kHugePage}, chunks);
    return pool;
}

} // namespace fovea
