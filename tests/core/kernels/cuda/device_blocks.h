#pragma once
// What cases put on a machine and get back: tables of blocks of elements, and memory that kernels write, with a
// guard behind it.

#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/cache/element_type.h"
#include "tests/core/kernels/cuda/machine.h"

namespace fovea::cuda {

// The nearest number that `type` holds.
float rounded(ElementType type, float x);
// One element as it lies in memory, 2 or 4 bytes at `at`.
void storeElement(ElementType type, float x, unsigned char* at);
float loadElement(ElementType type, const unsigned char* at);

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

// `count` values for a kernel to write, and a guard behind. Unless told they are NaN, or in integers 1: what is read before
// it was written, by a kernel without one of its barriers, is then wrong and still an index.
template <class T>
class Guarded {
public:
    explicit Guarded(std::size_t count, T poison = poisoned()) : Guarded(std::vector<T>(count, poison)) {}
    explicit Guarded(std::vector<T> values)
        : m_count(values.size()), m_buffer(machine::upload(guarded(values))) {}

    T* data() const { return static_cast<T*>(m_buffer.data()); }
    void write(const std::vector<T>& values) { m_buffer.write(guarded(values).data()); }
    // Throws where the guard is not as it was.
    std::vector<T> read(const char* name) const {
        std::vector<T> values = machine::download<T>(m_buffer, m_count + kGuards);
        for (std::size_t i = m_count; i < values.size(); ++i)
            if (!(values[i] == guard()))
                throw std::runtime_error(std::string("the kernel wrote past the end of ") + name);
        values.resize(m_count);
        return values;
    }

private:
    static constexpr std::size_t kGuards = 64;
    static constexpr T guard() { return static_cast<T>(77); }
    static constexpr T poisoned() {
        return std::is_floating_point_v<T> ? std::numeric_limits<T>::quiet_NaN() : T{1};
    }
    static std::vector<T> guarded(std::vector<T> values) {
        values.resize(values.size() + kGuards, guard());
        return values;
    }

    std::size_t m_count;
    machine::Buffer m_buffer;
};

// The same bytes, NaNs included.
template <class T>
bool sameBits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

} // namespace fovea::cuda
