#include "tests/support/simt/host_device.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "core/kernels/cuda/device_memory.h"
#include "tests/support/simt/executor.h"

namespace fovea::simt {
namespace {

std::atomic<std::size_t> g_limit{std::numeric_limits<std::size_t>::max()}, g_taken{0}, g_mostTaken{0};
std::atomic<std::uint64_t> g_takenBuffers{0};
std::atomic<std::size_t> g_recordedGraphs{0}, g_downloaded{0};
Order g_order = Order::Forward;
unsigned long g_seed = 1;

} // namespace

void limitMemory(std::size_t bytes) {
    g_limit = bytes;
}
std::size_t mostTakenMemory() {
    return g_mostTaken.exchange(g_taken);
}
std::size_t takeDownloaded() {
    return g_downloaded.exchange(0);
}
std::size_t recordedGraphs() {
    return g_recordedGraphs;
}
void executeIn(Order order, unsigned long seed) {
    g_order = order;
    g_seed = seed;
}

} // namespace fovea::simt

namespace fovea::cuda {

bool available() {
    return true;
}
std::string whyUnavailable() {
    return "";
}
// Enough for kernels that share their work out to do so.
int multiprocessors() {
    return 4;
}

namespace {

// What is on its way to pinned memory, and where that is. Any thread may ask.
struct Download {
    Stream stream;
    unsigned char* to;
    std::vector<unsigned char> bytes;

    bool isTo(const unsigned char* memory, std::size_t size) const { return to >= memory && to < memory + size; }
};
std::mutex g_pinnedInUse;
std::map<unsigned char*, std::size_t> g_pinned;
std::vector<Download> g_onTheirWay;

// Removes those of which `gone` says so.
template <class Gone>
void dropDownloads(const Gone& gone) {
    g_onTheirWay.erase(std::remove_if(g_onTheirWay.begin(), g_onTheirWay.end(), gone), g_onTheirWay.end());
}

bool isPinned(unsigned char* at) {
    const auto behind = g_pinned.upper_bound(at);
    return behind != g_pinned.begin() && at < std::prev(behind)->first + std::prev(behind)->second;
}

thread_local bool g_records = false;

} // namespace

DeviceBuffer::DeviceBuffer(std::size_t bytes) : m_bytes(bytes) {
    if (g_records)
        throw simt::Error("memory is taken while a graph is recorded");
    constexpr std::size_t kAlignment = 256;
    if (bytes == 0)
        return;
    const std::size_t limit = simt::g_limit, left = limit - std::min(limit, simt::g_taken.load());
    if (bytes > left)
        throw OutOfMemory("The GPU has no " + std::to_string(bytes) + " bytes left, but " +
                          std::to_string(left) + ".");
    if (posix_memalign(&m_data, kAlignment, bytes) != 0)
        throw std::bad_alloc();
    std::memset(m_data, 0xFF, bytes); // floats that are no numbers, indices that point nowhere
    ++simt::g_takenBuffers;
    simt::g_taken += bytes;
    simt::g_mostTaken = std::max(simt::g_mostTaken.load(), simt::g_taken.load());
}

HostBuffer::HostBuffer(std::size_t bytes) : m_bytes(bytes), m_pinned(bytes > 0) {
    if (!m_pinned)
        return;
    m_data = ::operator new(bytes);
    std::memset(m_data, 0xFF, bytes);
    const std::lock_guard alone(g_pinnedInUse);
    g_pinned[static_cast<unsigned char*>(m_data)] = bytes;
}

HostBuffer::~HostBuffer() {
    if (!m_data)
        return;
    const std::lock_guard alone(g_pinnedInUse);
    g_pinned.erase(static_cast<unsigned char*>(m_data));
    dropDownloads([&](const Download& download) { return download.isTo(as<unsigned char>(), m_bytes); });
    ::operator delete(m_data);
}

std::uint64_t takenBuffers() {
    return simt::g_takenBuffers;
}
std::size_t takenBytes() {
    return simt::g_taken;
}

DeviceBuffer::~DeviceBuffer() {
    simt::g_taken -= m_bytes;
    std::free(m_data);
}

OwnStream::OwnStream() : m_stream(new simt::Executor(simt::g_order, simt::g_seed)) {}
OwnStream::~OwnStream() {
    delete static_cast<simt::Executor*>(m_stream);
}

namespace {

// Now, or, while a graph is recorded, whenever it is launched. The null stream is never recorded.
template <class Work>
void queue(Stream stream, const Work& work) {
    auto* const executor = static_cast<simt::Executor*>(stream);
    if (executor && executor->recording())
        executor->keep(work);
    else
        work();
}

void requireNoRecording(Stream stream, const char* what) {
    if (stream && static_cast<simt::Executor*>(stream)->recording())
        throw simt::Error(std::string(what) + " while a graph is recorded");
}

} // namespace

void upload(void* to, const void* from, std::size_t bytes, Stream stream) {
    requireNoRecording(stream, "host memory is read");
    std::memcpy(to, from, bytes);
}
// To pinned memory as a GPU does: what lies there now, but not before somebody waits.
void download(void* to, const void* from, std::size_t bytes, Stream stream) {
    requireNoRecording(stream, "host memory is written");
    simt::g_downloaded += bytes;
    const auto* const first = static_cast<const unsigned char*>(from);
    const std::lock_guard alone(g_pinnedInUse);
    if (auto* const memory = static_cast<unsigned char*>(to); isPinned(memory))
        g_onTheirWay.push_back({stream, memory, {first, first + bytes}});
    else
        std::memcpy(to, from, bytes);
}
void copy(void* to, const void* from, std::size_t bytes, Stream stream) {
    queue(stream, [=] { std::memcpy(to, from, bytes); });
}
void clear(void* to, std::size_t bytes, Stream stream) {
    queue(stream, [=] { std::memset(to, 0, bytes); });
}
void wait(Stream stream) {
    requireNoRecording(stream, "the host waits");
    const std::lock_guard alone(g_pinnedInUse);
    dropDownloads([&](const Download& download) {
        if (download.stream == stream)
            std::memcpy(download.to, download.bytes.data(), download.bytes.size());
        return download.stream == stream;
    });
}

using Recorded = std::vector<std::function<void()>>;

LaunchGraph LaunchGraph::record(Stream stream, const std::function<void()>& work) {
    auto* const executor = static_cast<simt::Executor*>(stream);
    executor->record();
    g_records = true;
    try {
        work();
    } catch (...) {
        g_records = false;
        executor->endRecording();
        throw;
    }
    g_records = false;
    ++simt::g_recordedGraphs;
    LaunchGraph graph;
    graph.m_graph = new Recorded(executor->endRecording());
    return graph;
}
void LaunchGraph::launch(Stream stream) const {
    requireNoRecording(stream, "a graph is launched");
    for (const auto& work : *static_cast<const Recorded*>(m_graph))
        work();
}
LaunchGraph::~LaunchGraph() {
    delete static_cast<Recorded*>(m_graph);
}

// A time on the host, in place of an event.
using HostTime = std::chrono::steady_clock::time_point;

DeviceTimer::DeviceTimer() : m_begin(new HostTime), m_end(new HostTime) {}
DeviceTimer::~DeviceTimer() {
    delete static_cast<HostTime*>(m_begin);
    delete static_cast<HostTime*>(m_end);
}
void DeviceTimer::begin(Stream stream) {
    queue(stream, [at = m_begin] { *static_cast<HostTime*>(at) = std::chrono::steady_clock::now(); });
}
void DeviceTimer::end(Stream stream) {
    queue(stream, [at = m_end] { *static_cast<HostTime*>(at) = std::chrono::steady_clock::now(); });
}
double DeviceTimer::seconds() const {
    return std::chrono::duration<double>(*static_cast<HostTime*>(m_end) - *static_cast<HostTime*>(m_begin))
        .count();
}

double DeviceTimer::beginsAfter(const DeviceTimer& other) const {
    return std::chrono::duration<double>(*static_cast<HostTime*>(m_begin) -
                                         *static_cast<HostTime*>(other.m_begin))
        .count();
}

DeviceFacts deviceFacts() {
    constexpr std::size_t kMemory = std::size_t{1} << 30;
    const std::size_t all = std::min<std::size_t>(simt::g_limit, kMemory);
    return {"the host, which executes kernels", all, all - std::min<std::size_t>(all, simt::g_taken),
            multiprocessors()};
}

} // namespace fovea::cuda
