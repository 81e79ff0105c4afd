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

__global__ void blocksShareACell(float* out) {
    if (thread() == 0)
        out[0] = out[0] + 1.0f;
}

}  // namespace fovea::cuda::planted
