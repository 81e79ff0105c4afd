#include "tests/support/simt/schedule.h"

#include <algorithm>
#include <numeric>

namespace fovea::simt {

Schedule::Schedule(Order order, std::uint64_t seed) : m_order(order), m_random(seed) {}

void Schedule::reset(int threads) {
    const auto count = static_cast<std::size_t>(threads);
    m_readyBits.assign((count + 63) / 64, 0);
    if (m_threadAt.size() != count) {
        m_threadAt.resize(count);
        m_positionOf.resize(count);
        std::iota(m_threadAt.begin(), m_threadAt.end(), 0);
        if (m_order == Order::Reverse)
            std::reverse(m_threadAt.begin(), m_threadAt.end());
        for (std::size_t i = 0; i < count; ++i)
            m_positionOf[static_cast<std::size_t>(m_threadAt[i])] = static_cast<int>(i);
    }
    shuffle();
}

void Schedule::shuffle() {
    if (m_order != Order::Shuffled)
        return;
    std::shuffle(m_threadAt.begin(), m_threadAt.end(), m_random);
    for (std::size_t i = 0; i < m_threadAt.size(); ++i)
        m_positionOf[static_cast<std::size_t>(m_threadAt[i])] = static_cast<int>(i);
}

void Schedule::makeReady(int thread) {
    const auto position = static_cast<std::size_t>(m_positionOf[static_cast<std::size_t>(thread)]);
    m_readyBits[position / 64] |= std::uint64_t{1} << position % 64;
}

int Schedule::next() {
    for (std::size_t word = 0; word < m_readyBits.size(); ++word) {
        std::uint64_t& bits = m_readyBits[word];
        if (!bits)
            continue;
        const auto bit = static_cast<std::size_t>(__builtin_ctzll(bits));
        bits &= bits - 1;
        return m_threadAt[word * 64 + bit];
    }
    return -1;
}

}  // namespace fovea::simt
