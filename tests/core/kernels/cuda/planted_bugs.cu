#include "tests/core/kernels/cuda/planted_bugs.h"

#include <simt.h>

namespace fovea::cuda::planted {
namespace {

constexpr int kThreads = 128;

int thread() { return static_cast<int>(threadIdx.x); }

}  // namespace

__global__ void reverseRight(float* out) {
    auto shared = sharedMemory().take<float>(kThreads);
    shared[thread()] = static_cast<float>(thread());
    blockSync();
    out[thread()] = shared[kThreads - 1 - thread()];
}

__global__ void barrierLeftOut(float* out) {
    auto shared = sharedMemory().take<float>(kThreads);
    shared[thread()] = static_cast<float>(thread());
    out[thread()] = shared[kThreads - 1 - thread()];
}

__global__ void broadcastWithoutBarrier(float* out) {
    auto shared = sharedMemory().take<float>(1);
    if (thread() == 0)
        shared[0] = 7.0f;
    out[thread()] = shared[0];
}

__global__ void barrierForHalfTheBlock(float* out) {
    if (thread() < kThreads / 2)
        blockSync();
    out[thread()] = 1.0f;
}

__global__ void barrierAfterSomeLeft(float* out) {
    if (thread() >= 100)
        return;
    blockSync();
    out[thread()] = 1.0f;
}

__global__ void twoBarriersForOne(float* out) {
    if (thread() < kThreads / 2)
        blockSync();
    else
        blockSync();
    out[thread()] = 1.0f;
}

__global__ void indexPastTheEnd(float* out) {
    auto shared = sharedMemory().take<float>(kThreads);
    shared[thread() + 1] = 1.0f;
    blockSync();
    out[thread()] = 1.0f;
}

__global__ void indexIntoTheNextArray(float* out) {
    SharedMemory memory = sharedMemory();
    auto first = memory.take<float>(kThreads / 2);
    auto second = memory.take<float>(kThreads / 2);
    first[thread()] = 1.0f;
    blockSync();
    out[thread()] = second[thread() % (kThreads / 2)];
}

__global__ void moreSharedThanAskedFor(float* out) {
    auto shared = sharedMemory().take<float>(kThreads + 1);
    shared[thread()] = 1.0f;
    out[thread()] = shared[thread()];
}

__global__ void shuffleByHalfAWarp(float* out) {
    float value = 1.0f;
    if (thread() % 32 < 16)
        value = shuffleXor(value, 1);
    out[thread()] = value;
}

__global__ void sharedReadUnwritten(float* out) {
    auto shared = sharedMemory().take<float>(kThreads);
    if (thread() != 5)
        shared[thread()] = 1.0f;
    blockSync();
    out[thread()] = shared[thread()];
}

__global__ void countWithoutAtomics(float* out) {
    auto count = sharedMemory().take<float>(1);
    if (thread() == 0)
        count[0] = 0.0f;
    blockSync();
    count[0] = count[0] + 1.0f;
    blockSync();
    out[thread()] = count[0];
}

// out = how many threads of the block have an odd number in their warp, plus the number of the lane's neighbour.
__global__ void countAtomically(float* out) {
    auto count = sharedMemory().take<unsigned>(1);
    if (thread() == 0)
        count[0] = 0;
    blockSync();
    const int lane = thread() % 32;
    const unsigned neighbour = shuffle(static_cast<unsigned>(lane), (lane + 1) % 32);
    const unsigned odd = ballot(lane % 2 == 1);
    if (lane == 0)
        addAtomically(count, 0, static_cast<unsigned>(countBits(odd)));
    blockSync();
    out[thread()] = static_cast<float>(count[0] + neighbour);
}

__global__ void countReadTooEarly(float* out) {
    auto count = sharedMemory().take<unsigned>(1);
    if (thread() == 0)
        count[0] = 0;
    blockSync();
    addAtomically(count, 0, 1);
    out[thread()] = static_cast<float>(count[0]);
}

__global__ void countFromNothing(float* out) {
    auto count = sharedMemory().take<unsigned>(1);
    addAtomically(count, 0, 1);
    blockSync();
    out[thread()] = static_cast<float>(count[0]);
}

namespace {

unsigned short wholeHalf(int value) {
    const __half half = __float2half(static_cast<float>(value));
    return reinterpret_cast<const unsigned short&>(half);
}

unsigned twoWholeHalves(int first, int second) {
    return wholeHalf(first) | static_cast<unsigned>(wholeHalf(second)) << 16;
}

// Of a matrix whose element is row - column.
unsigned twoOfA(int row, int column) { return twoWholeHalves(row - column, row - column - 1); }

}  // namespace

// a_rc = r - c and b_rc = 3r + c, b by way of shared memory, as kernels have their values.
__global__ void multiplyRight(float* out) {
    constexpr int kRowWords = 4;
    auto b = sharedMemory().take<unsigned>(32 * kRowWords);  // (32, 8), of which 16 rows are multiplied
    const int lane = thread() % 32, g = lane / 4, t = lane % 4;
    if (thread() < 32)
        for (int word = 0; word < kRowWords; ++word)
            b[lane * kRowWords + word] = twoWholeHalves(3 * lane + 2 * word, 3 * lane + 2 * word + 1);
    blockSync();
    const uint4 columns = loadTransposed(&b[lane * kRowWords]);
    const unsigned a[4] = {twoOfA(g, 2 * t), twoOfA(g + 8, 2 * t), twoOfA(g, 2 * t + 8), twoOfA(g + 8, 2 * t + 8)};
    const unsigned bOfLane[2] = {columns.x, columns.y};
    float d[4] = {};
    multiplyMatrices<__half>(d, a, bOfLane);
    if (thread() < 32)
        for (int i = 0; i < 4; ++i)
            out[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

__global__ void multiplyByHalfAWarp(float* out) {
    float d[4] = {};
    const unsigned a[4] = {}, b[2] = {};
    if (thread() % 32 < 16)
        multiplyMatrices<__half>(d, a, b);
    out[thread()] = d[0];
}

__global__ void blocksShareACell(float* out) {
    if (thread() == 0)
        out[0] = out[0] + 1.0f;
}

}  // namespace fovea::cuda::planted
