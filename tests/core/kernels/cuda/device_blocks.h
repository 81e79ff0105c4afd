#pragma once
// What cases put on a machine and get back: tables of blocks of elements.

#include <cstdint>
#include <vector>

#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {

// Blocks of bytes and the table that points to them.
class DeviceBlocks {
public:
    // Tables of `heads` rows with `perHead` blocks of `bytes` each, filled by fill(head, block, bytes of it).
    template <class Fill>
    DeviceBlocks(int heads, std::int64_t perHead, std::size_t bytes, const Fill& fill) : m_bytes(bytes) {
        std::vector<void*> table;
        std::vector<unsigned char> content(bytes);
        for (int head = 0; head < heads; ++head)
            for (std::int64_t block = 0; block < perHead; ++block) {
                fill(head, block, content.data());
                m_blocks.push_back(machine::upload(content));
                table.push_back(m_blocks.back().data());
            }
        m_table.push_back(machine::upload(table));
    }

    template <class Pointer>
    Pointer table() const {
        return static_cast<Pointer>(m_table.front().data());
    }
    std::vector<unsigned char> block(std::size_t index) const {
        return machine::download<unsigned char>(m_blocks[index], m_bytes);
    }

private:
    std::size_t m_bytes;
    std::vector<machine::Buffer> m_blocks;
    std::vector<machine::Buffer> m_table; // one, made once the addresses are known
};

} // namespace fovea::cuda
