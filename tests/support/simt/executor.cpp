#include "tests/support/simt/executor.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/simt/block.h"
#include "tests/support/simt/launches.h"
#include "tests/support/simt/simt.h"

namespace fovea::simt {
namespace {

// Limits of compute capability 8.0, the least that our kernels are compiled for.
std::atomic<std::uint64_t> g_launches{0};

constexpr unsigned kMaxThreads = 1024;
constexpr unsigned kMaxGridYZ = 65535;
constexpr std::size_t kMaxSharedBytes = 163 * 1024;

void checkLaunch(dim3 grid, dim3 block, std::size_t sharedBytes) {
    const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
    if (threads == 0 || threads > kMaxThreads || threads % kLanes != 0)
        throw Error("a block of " + std::to_string(threads) + " threads: whole warps up to " +
                    std::to_string(kMaxThreads) + " threads are supported");
    if (block.y != 1 || block.z != 1)
        throw Error("blocks of more than one dimension are not supported");
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > kMaxGridYZ || grid.z > kMaxGridYZ)
        throw Error("a grid of " + std::to_string(grid.x) + " x " + std::to_string(grid.y) + " x " +
                    std::to_string(grid.z) + " blocks");
    if (sharedBytes > kMaxSharedBytes)
        throw Error(std::to_string(sharedBytes) + " bytes of shared memory, where a block may have " +
                    std::to_string(kMaxSharedBytes));
}

// Blocks of a grid run in any order on a GPU.
std::vector<unsigned> blockOrder(unsigned blocks, Order order, std::uint64_t seed) {
    std::vector<unsigned> serials(blocks);
    std::iota(serials.begin(), serials.end(), 0u);
    if (order == Order::Reverse)
        std::reverse(serials.begin(), serials.end());
    if (order == Order::Shuffled) {
        std::mt19937_64 random(seed);
        std::shuffle(serials.begin(), serials.end(), random);
    }
    return serials;
}

}  // namespace

std::uint64_t executedLaunches() {
    return g_launches;
}

Executor::Executor(Order order, std::uint64_t seed)
    : m_block(std::make_unique<Block>(order, seed)), m_order(order), m_seed(seed) {}

Executor::~Executor() = default;

void Executor::run(dim3 grid, dim3 block, std::size_t sharedBytes, const std::function<void()>& kernel) {
    checkLaunch(grid, block, sharedBytes);
    if (m_recording)
        return keep([=, this] { run(grid, block, sharedBytes, kernel); });
    const bool forgetful = m_forgetfulLaunch == 0 || m_forgetfulLaunch == m_launches + 1;
    ++m_launches;
    ++g_launches;
    m_block->forgottenBarrier = forgetful ? m_forgottenBarrier : 0;
    m_block->prepare(static_cast<int>(block.x), sharedBytes);
    ::gridDim = grid;
    ::blockDim = block;
    Watcher* const watcher = m_block->watcher;
    if (watcher)
        watcher->launchBegins();
    for (const unsigned serial : blockOrder(grid.x * grid.y * grid.z, m_order, m_seed)) {
        ::blockIdx = {serial % grid.x, serial / grid.x % grid.y, serial / (grid.x * grid.y)};
        m_block->run(static_cast<int>(serial), kernel);
    }
    if (watcher)
        watcher->launchEnds();
}

void Executor::record() {
    m_recording = true;
    m_recorded.clear();
}

std::vector<std::function<void()>> Executor::endRecording() {
    m_recording = false;
    return std::exchange(m_recorded, {});
}

const Counts& Executor::counts() const { return m_block->counts; }

void Executor::forgetBarrier(int n, int launch) {
    m_forgottenBarrier = n;
    m_forgetfulLaunch = launch;
    m_launches = 0;
}

void Executor::watch(Watcher* watcher) { m_block->watcher = watcher; }

}  // namespace fovea::simt
