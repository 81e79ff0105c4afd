#pragma once
// Executes kernels on the host, so that a test can run the very source that nvcc compiles. Each CUDA thread
// is a fiber; one runs at a time, in an order that the test chooses, until it waits at a barrier or in an
// exchange.
//
// An executor is what the tests pass as stream: attendAll(step, &executor) runs at once and returns when it
// is done.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <vector_types.h>

#include "tests/support/simt/schedule.h"
#include "tests/support/simt/watcher.h"

namespace fovea::simt {

// What a kernel did wrong, with the file and line of it.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Counts {
    std::uint64_t barriers = 0;     // passed by a block
    std::uint64_t exchanges = 0;    // shuffles, per warp
    std::uint64_t bytesLoaded = 0;  // by loadOnce
};

class Block;

class Executor {
public:
    explicit Executor(Order order = Order::Forward, std::uint64_t seed = 1);
    ~Executor();

    // Runs kernel() once per thread. Throws Error for a launch or a kernel that a GPU would not survive, or
    // survive by luck only.
    void run(dim3 grid, dim3 block, std::size_t sharedBytes, const std::function<void()>& kernel);

    // From now on what is run is kept instead, arguments and all, until it is handed out.
    void record();
    bool recording() const { return m_recording; }
    void keep(std::function<void()> work) { m_recorded.push_back(std::move(work)); }
    std::vector<std::function<void()>> endRecording();

    const Counts& counts() const;

    // Plants a bug in any kernel: each thread walks through its n-th barrier (from 1) as if it were not
    // there. In the `launch`-th kernel from now on alone (from 1), or in all (0).
    void forgetBarrier(int n, int launch = 0);
    void watch(Watcher* watcher);

private:
    std::unique_ptr<Block> m_block;
    Order m_order;
    std::uint64_t m_seed;
    bool m_recording = false;
    std::vector<std::function<void()>> m_recorded;
    int m_forgottenBarrier = 0, m_forgetfulLaunch = 0, m_launches = 0;
};

}  // namespace fovea::simt
