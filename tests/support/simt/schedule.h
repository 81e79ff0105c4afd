#pragma once
// Which thread of a block runs next. A kernel must be right in every order, so tests try several.

#include <cstdint>
#include <random>
#include <vector>

namespace fovea::simt {

enum class Order {
    Forward,   // thread 0 first: hides a value that thread 0 must publish and others read without a barrier
    Reverse,   // the last thread first: finds that
    Shuffled,  // a new permutation after each barrier, by seed
};

class Schedule {
public:
    Schedule(Order order, std::uint64_t seed);

    // `threads` threads, none of them ready.
    void reset(int threads);
    // A new permutation where the order is shuffled.
    void shuffle();
    void makeReady(int thread);
    // The first ready thread of the order, which is no longer ready then; -1 when there is none.
    int next();

private:
    Order m_order;
    std::mt19937_64 m_random;
    std::vector<int> m_threadAt;             // position -> thread
    std::vector<int> m_positionOf;           // thread -> position
    std::vector<std::uint64_t> m_readyBits;  // by position
};

}  // namespace fovea::simt
