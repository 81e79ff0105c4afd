#include "tests/support/simt/race_checker.h"

#include <dlfcn.h>

#include <cstdio>

#include "tests/support/simt/executor.h"

namespace fovea::simt {
namespace {

constexpr int kWarpThreads = 32;
constexpr std::size_t kMaxLines = 16;

// "attend_span.cuh:230", by binutils where they are installed.
std::string lineOf(void* code) {
    Dl_info object;
    if (!dladdr(code, &object))
        return "an unknown place";
    const auto offset = static_cast<char*>(code) - static_cast<char*>(object.dli_fbase);
    char command[512];
    std::snprintf(command, sizeof command, "addr2line -e '%s' 0x%zx 2>/dev/null", object.dli_fname,
                  static_cast<std::size_t>(offset) - 1);  // the call, not what it returns to
    std::string line;
    if (FILE* output = popen(command, "r")) {
        char buffer[512];
        if (std::fgets(buffer, sizeof buffer, output))
            line = buffer;
        pclose(output);
    }
    line = line.substr(line.rfind('/') + 1);
    line = line.substr(0, line.find_first_of(" \n"));
    return line.empty() ? "an unknown line" : line;
}

}  // namespace

RaceChecker* RaceChecker::active = nullptr;

RaceChecker::RaceChecker() { active = this; }

RaceChecker::~RaceChecker() { active = nullptr; }

void RaceChecker::launchBegins() {
    m_launchTime = ++m_time;
    m_reported.clear();
    m_lines.clear();
}

void RaceChecker::launchEnds() {
    m_sharedBegin = m_sharedEnd = nullptr;
    if (m_lines.empty())
        return;
    std::string text;
    for (const std::string& line : m_lines)
        text += line + "\n";
    throw Error(text);
}

void RaceChecker::blockBegins(int block, const void* shared, std::size_t sharedBytes) {
    m_block = block;
    m_sharedBegin = static_cast<const char*>(shared);
    m_sharedEnd = m_sharedBegin + sharedBytes;
    m_barrierTime = ++m_time;
    m_exchangeTime.fill(m_time);
}

void RaceChecker::threadRuns(int thread, const void* stack, std::size_t stackBytes) {
    m_thread = thread;
    m_stackBegin = static_cast<const char*>(stack);
    m_stackEnd = m_stackBegin + stackBytes;
}

void RaceChecker::accessed(const void* address, std::size_t bytes, Kind kind, void* code) {
    const char* const begin = static_cast<const char*>(address);
    if (m_thread < 0 || (begin >= m_stackBegin && begin < m_stackEnd))
        return;
    const bool shared = begin >= m_sharedBegin && begin < m_sharedEnd;
    const Access now{m_time, m_block, m_thread, code};
    for (std::size_t offset = 0; offset < bytes; offset += kCellBytes) {
        Cell& cell = cellOf(reinterpret_cast<std::uintptr_t>(begin + offset));
        compare(cell.write, shared, kind, code);
        if (kind != Kind::Atomic)
            compare(cell.added, shared, kind, code);
        const bool written = cell.write.block == m_block && cell.write.time >= m_launchTime;
        if (shared && !written && kind != Kind::Write)  // what is added to is read
            report("shared memory that nobody wrote", kind, code, nullptr);
        if (kind != Kind::Read) {
            compare(cell.read, shared, kind, code);
            compare(cell.otherRead, shared, kind, code);
            (kind == Kind::Atomic ? cell.added : cell.write) = now;
            continue;
        }
        if (cell.read.thread != m_thread || cell.read.block != m_block)
            cell.otherRead = cell.read;
        cell.read = now;
    }
}

RaceChecker::Cell& RaceChecker::cellOf(std::uintptr_t address) {
    std::unique_ptr<Page>& page = m_pages[address / kPageBytes];
    if (!page)
        page = std::make_unique<Page>();
    return (*page)[address % kPageBytes / kCellBytes];
}

bool RaceChecker::inOrder(const Access& earlier, bool shared) const {
    if (earlier.thread < 0 || earlier.time < m_launchTime)
        return true;
    if (earlier.block != m_block)
        return shared;  // each block has shared memory of its own
    if (earlier.thread == m_thread || earlier.time < m_barrierTime)
        return true;
    const int warp = m_thread / kWarpThreads;
    return warp == earlier.thread / kWarpThreads &&
           earlier.time < m_exchangeTime[static_cast<std::size_t>(warp)];
}

void RaceChecker::compare(const Access& earlier, bool shared, Kind kind, void* code) {
    if (!inOrder(earlier, shared))
        report("race", kind, code, &earlier);
}

void RaceChecker::report(const std::string& what, Kind kind, void* code, const Access* earlier) {
    const bool isNew = m_reported.insert({code, earlier ? earlier->code : nullptr}).second;
    if (!isNew || m_lines.size() >= kMaxLines)
        return;
    std::string line = what + ": " + (kind == Kind::Read ? "read" : "write") + " by thread " + std::to_string(m_thread) +
                       " of block " + std::to_string(m_block) + " at " + lineOf(code);
    if (earlier)
        line += ", against thread " + std::to_string(earlier->thread) + " of block " +
                std::to_string(earlier->block) + " at " + lineOf(earlier->code);
    m_lines.push_back(line);
}

}  // namespace fovea::simt

// --- What -fsanitize=thread calls --------------------------------------------------------------------------

namespace {

void tell(const void* address, std::size_t bytes, bool write, void* code) {
    using fovea::simt::RaceChecker;
    if (RaceChecker* checker = RaceChecker::active)
        checker->accessed(address, bytes, write ? RaceChecker::Kind::Write : RaceChecker::Kind::Read, code);
}

}  // namespace

// Names that the compiler chose. Volatile accesses come under names of their own too, but kernels have none.
#define FOVEA_ACCESS_OF(bytes)                                                                               \
    void __tsan_read##bytes(void* p) { tell(p, bytes, false, __builtin_return_address(0)); }                 \
    void __tsan_write##bytes(void* p) { tell(p, bytes, true, __builtin_return_address(0)); }                 \
    void __tsan_unaligned_read##bytes(void* p) { tell(p, bytes, false, __builtin_return_address(0)); }       \
    void __tsan_unaligned_write##bytes(void* p) { tell(p, bytes, true, __builtin_return_address(0)); }

extern "C" {
FOVEA_ACCESS_OF(1)
FOVEA_ACCESS_OF(2)
FOVEA_ACCESS_OF(4)
FOVEA_ACCESS_OF(8)
FOVEA_ACCESS_OF(16)

void __tsan_read_range(void* p, std::size_t bytes) { tell(p, bytes, false, __builtin_return_address(0)); }
void __tsan_write_range(void* p, std::size_t bytes) { tell(p, bytes, true, __builtin_return_address(0)); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
}
