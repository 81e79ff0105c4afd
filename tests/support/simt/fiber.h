#pragma once
// A stack of its own and the place where it was left: what a CUDA thread is on the host. Switching is a dozen
// instructions on x86-64 (a system call would make a barrier ten times slower), ucontext elsewhere.

#include <cstddef>

// Defining FOVEA_FIBER_UCONTEXT for a whole build tries the other way on x86-64 too.
#if defined(__x86_64__) && !defined(FOVEA_FIBER_UCONTEXT)
#define FOVEA_FIBER_ASSEMBLY 1
#else
#define FOVEA_FIBER_ASSEMBLY 0
#include <ucontext.h>
#endif

namespace fovea::simt {

class Fiber {
public:
    // The thread of the operating system that constructs it: it runs already, on the stack it has.
    Fiber();
    // A new stack, on which the first switch enters entry(argument). `entry` must not return. Below the stack
    // lies a page that faults, so that an overflow is no silent corruption.
    Fiber(std::size_t stackBytes, void (*entry)(void*), void* argument);
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    // Leaves `from`, the fiber that runs, for `to`. Returns when somebody switches back to `from`.
    static void switchTo(Fiber& from, Fiber& to);
    // Must be the first statement of an entry function.
    static void entered();

    const char* stackBegin() const { return m_begin; }
    std::size_t stackBytes() const { return m_bytes; }

    // After an exception has left frames behind, AddressSanitizer holds parts of the stack for dead.
    void forgetPoison();

private:
    static void switchStack(Fiber& from, Fiber& to);
    void learnStack(const void* begin, std::size_t bytes);

    char* m_owned = nullptr;  // null for the operating system's thread
    const char* m_begin = nullptr;
    std::size_t m_bytes = 0;
#if FOVEA_FIBER_ASSEMBLY
    void* m_stackPointer = nullptr;
#else
    ucontext_t m_context;
#endif
};

}  // namespace fovea::simt
