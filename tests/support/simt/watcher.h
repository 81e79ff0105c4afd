#pragma once
// What an executor tells of a run to somebody who follows it: the race checker. All calls come from the one
// thread of the operating system on which everything runs.

#include <cstddef>

namespace fovea::simt {

class Watcher {
public:
    virtual ~Watcher() = default;

    virtual void launchBegins() = 0;
    virtual void launchEnds() = 0;  // may throw what it found
    virtual void blockBegins(int block, const void* shared, std::size_t sharedBytes) = 0;

    // From here on the kernel runs as `thread` of the block, with its locals on that stack …
    virtual void threadRuns(int thread, const void* stack, std::size_t stackBytes) = 0;
    // … and from here on the executor itself does, whose accesses are nobody's.
    virtual void executorRuns() = 0;

    // The running thread's instruction at `code` changes memory in one step.
    virtual void addedAtomically(const void* address, std::size_t bytes, void* code) = 0;

    virtual void barrierPassed() = 0;           // by the whole block
    virtual void exchangePassed(int warp) = 0;  // by all lanes of a warp
};

}  // namespace fovea::simt
