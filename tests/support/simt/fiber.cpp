#include "tests/support/simt/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace fovea::simt {
namespace {

// Below each stack, a page that faults.
std::size_t guardBytes() {
    static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
}

// Whoever switched to the fiber that runs now.
Fiber* g_left = nullptr;

char* allocateStack(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes + guardBytes(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::bad_alloc();
    mprotect(memory, guardBytes(), PROT_NONE);
    return static_cast<char*>(memory) + guardBytes();
}

}  // namespace

// --- The switch itself -------------------------------------------------------------------------------------

#if FOVEA_FIBER_ASSEMBLY

// The registers that a call must preserve go on the stack that is left; those of the other stack come back.
// Floating point state is the same for all fibers.
extern "C" void foveaSwitchStack(void** savedStackPointer, void* newStackPointer);
// Where a new fiber begins: calls rbx(r12). The unwinder is told that there is nothing above.
extern "C" void foveaBeginFiber();

asm(R"(
.text
.globl foveaSwitchStack
.type foveaSwitchStack,@function
foveaSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size foveaSwitchStack,.-foveaSwitchStack
.globl foveaBeginFiber
.type foveaBeginFiber,@function
foveaBeginFiber:
  .cfi_startproc
  .cfi_undefined rip
  movq %r12,%rdi
  call *%rbx
  ud2
  .cfi_endproc
.size foveaBeginFiber,.-foveaBeginFiber
)");

namespace {

// A stack that looks as if foveaSwitchStack had left it just before foveaBeginFiber.
void* firstStackPointer(char* stack, std::size_t bytes, void (*entry)(void*), void* argument) {
    const auto top = reinterpret_cast<std::uintptr_t>(stack + bytes) & ~std::uintptr_t{15};
    void** slot = reinterpret_cast<void**>(top);
    const auto push = [&slot](void* value) { *--slot = value; };
    push(nullptr);  // two words, so that `call` finds the alignment the ABI wants
    push(nullptr);
    push(reinterpret_cast<void*>(&foveaBeginFiber));  // where `ret` goes
    push(nullptr);                                    // rbp
    push(reinterpret_cast<void*>(entry));             // rbx
    push(argument);                                   // r12
    push(nullptr);                                    // r13, r14, r15
    push(nullptr);
    push(nullptr);
    return slot;
}

}  // namespace

#else

namespace {

// makecontext passes ints: two per pointer.
void beginFiber(unsigned entryLow, unsigned entryHigh, unsigned argumentLow, unsigned argumentHigh) {
    const auto join = [](unsigned low, unsigned high) {
        return static_cast<std::uintptr_t>(std::uint64_t{high} << 32 | low);
    };
    const auto entry = reinterpret_cast<void (*)(void*)>(join(entryLow, entryHigh));
    entry(reinterpret_cast<void*>(join(argumentLow, argumentHigh)));
}

void prepareContext(ucontext_t& context, char* stack, std::size_t bytes, void (*entry)(void*),
                    void* argument) {
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = bytes;
    context.uc_link = nullptr;
    const auto e = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(entry));
    const auto a = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(argument));
    makecontext(&context, reinterpret_cast<void (*)()>(beginFiber), 4, static_cast<unsigned>(e),
                static_cast<unsigned>(e >> 32), static_cast<unsigned>(a), static_cast<unsigned>(a >> 32));
}

}  // namespace

#endif

// --- Fiber -------------------------------------------------------------------------------------------------

Fiber::Fiber() = default;

Fiber::Fiber(std::size_t stackBytes, void (*entry)(void*), void* argument)
    : m_owned(allocateStack(stackBytes)), m_begin(m_owned), m_bytes(stackBytes) {
#if FOVEA_FIBER_ASSEMBLY
    m_stackPointer = firstStackPointer(m_owned, m_bytes, entry, argument);
#else
    prepareContext(m_context, m_owned, m_bytes, entry, argument);
#endif
}

Fiber::~Fiber() {
    if (m_owned)
        munmap(m_owned - guardBytes(), m_bytes + guardBytes());
}

// --- AddressSanitizer --------------------------------------------------------------------------------------
// It follows the stack it believes to be on, and has to be told of each switch.

#if defined(__SANITIZE_ADDRESS__)

void Fiber::entered() {
    const void* leftBegin = nullptr;
    std::size_t leftBytes = 0;
    __sanitizer_finish_switch_fiber(nullptr, &leftBegin, &leftBytes);
    g_left->learnStack(leftBegin, leftBytes);
}

void Fiber::forgetPoison() { __asan_unpoison_memory_region(m_begin, m_bytes); }

void Fiber::switchTo(Fiber& from, Fiber& to) {
    void* fakeStack = nullptr;
    __sanitizer_start_switch_fiber(&fakeStack, to.m_begin, to.m_bytes);
    switchStack(from, to);
    const void* leftBegin = nullptr;
    std::size_t leftBytes = 0;
    __sanitizer_finish_switch_fiber(fakeStack, &leftBegin, &leftBytes);
}

#else

void Fiber::entered() {}
void Fiber::forgetPoison() {}
void Fiber::switchTo(Fiber& from, Fiber& to) { switchStack(from, to); }

#endif

void Fiber::switchStack(Fiber& from, Fiber& to) {
    g_left = &from;
#if FOVEA_FIBER_ASSEMBLY
    foveaSwitchStack(&from.m_stackPointer, to.m_stackPointer);
#else
    swapcontext(&from.m_context, &to.m_context);
#endif
}

// The operating system's thread was given its stack by nobody we know: learnt when it is first left.
void Fiber::learnStack(const void* begin, std::size_t bytes) {
    if (m_bytes)
        return;
    m_begin = static_cast<const char*>(begin);
    m_bytes = bytes;
}

}  // namespace fovea::simt
