// Memory comes from the runtime's own pool, which keeps what is given back: a cache takes a block every few hundred
// tokens, and cudaMalloc would wait for the whole device each time.

#include <cuda_runtime_api.h>

#include <atomic>
#include <limits>
#include <mutex>
#include <new>

#include "core/kernels/cuda/device/outcome.h"
#include "core/kernels/cuda/device_memory.h"

namespace fovea::cuda {
namespace {

void requireDevice() {
    if (!available())
        throw std::runtime_error(whyUnavailable());
}

std::atomic<std::uint64_t> g_takenBuffers{0};
std::atomic<std::size_t> g_takenBytes{0};

// Held while a graph is recorded, and by whoever waits for the whole device: that ends every recording, of any thread.
std::recursive_mutex g_recording;

// Null where there is none. It keeps what it was given, instead of handing it to the system at the next wait.
cudaMemPool_t pool() {
    static const cudaMemPool_t kept = [] {
        int device = 0;
        cudaMemPool_t pool = nullptr;
        std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
        if (cudaGetDevice(&device) == cudaSuccess &&
            cudaDeviceGetDefaultMemPool(&pool, device) == cudaSuccess)
            cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all);
        return pool;
    }();
    return kept;
}

// On the default stream, and there at once: streams of others may use it without a thought.
cudaError_t take(void** data, std::size_t bytes) {
    cudaError_t error = cudaMallocAsync(data, bytes, nullptr);
    if (error == cudaSuccess)
        error = cudaStreamSynchronize(nullptr);
    return error;
}

// Whatever was queued before, on whatever stream, may use what is about to be given back. False: the device is lost.
bool waitForDevice() {
    if (cudaDeviceSynchronize() == cudaSuccess)
        return true;
    cudaGetLastError();
    return false;
}

// Does the GPU read ordinary host memory where it lies, instead of being given a copy (as a Grace Hopper does)?
bool readsHostMemory() {
    static const bool reads = [] {
        int device = 0, answer = 0;
        return cudaGetDevice(&device) == cudaSuccess &&
               cudaDeviceGetAttribute(&answer, cudaDevAttrPageableMemoryAccessUsesHostPageTables, device) ==
                   cudaSuccess &&
               answer != 0;
    }();
    return reads;
}

std::string megabytes(std::size_t bytes) {
    return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
}

cudaStream_t streamOf(Stream stream) {
    return static_cast<cudaStream_t>(stream);
}

// In a graph as well: there an event that the host will ask is a node of its own.
void takeTime(void* event, Stream stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    throwUnlessSuccess(cudaStreamIsCapturing(streamOf(stream), &status), "taking the time");
    const unsigned flags =
        status == cudaStreamCaptureStatusActive ? cudaEventRecordExternal : cudaEventRecordDefault;
    throwUnlessSuccess(cudaEventRecordWithFlags(static_cast<cudaEvent_t>(event), streamOf(stream), flags),
                       "taking the time");
}

double secondsBetween(void* from, void* to) {
    float milliseconds = 0;
    throwUnlessSuccess(
        cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(from), static_cast<cudaEvent_t>(to)),
        "reading the time");
    return double{milliseconds} * 1e-3;
}

} // namespace

DeviceBuffer::DeviceBuffer(std::size_t bytes) {
    if (bytes == 0)
        return;
    requireDevice();
    const std::lock_guard alone(g_recording);
    const cudaMemPool_t spare = pool();
    cudaError_t error = take(&m_data, bytes);
    // What the pool keeps may lie in pieces that are too small.
    if (error == cudaErrorMemoryAllocation && spare && cudaMemPoolTrimTo(spare, 0) == cudaSuccess)
        error = take(&m_data, bytes);
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError(); // it is told, and not the next caller's
        m_data = nullptr;
        std::size_t left = 0, all = 0;
        cudaMemGetInfo(&left, &all);
        throw OutOfMemory("The GPU has no " + megabytes(bytes) + " left, but " + megabytes(left) + " of " +
                          megabytes(all) + ": close another run, or choose the CPU.");
    }
    throwUnlessSuccess(error, "taking GPU memory");
    m_bytes = bytes;
    ++g_takenBuffers;
    g_takenBytes += bytes;
}

std::uint64_t takenBuffers() {
    return g_takenBuffers;
}
std::size_t takenBytes() {
    return g_takenBytes;
}

DeviceBuffer::~DeviceBuffer() {
    g_takenBytes -= m_bytes;
    if (!m_data)
        return;
    const std::lock_guard alone(g_recording);
    if (waitForDevice())
        cudaFreeAsync(m_data, nullptr);
}

HostBuffer::HostBuffer(std::size_t bytes) {
    if (bytes == 0)
        return;
    requireDevice();
    m_pinned = cudaHostAlloc(&m_data, bytes, cudaHostAllocPortable) == cudaSuccess;
    if (!m_pinned) {
        cudaGetLastError();
        m_data = ::operator new(bytes);
    }
    m_bytes = bytes;
}

HostBuffer::~HostBuffer() {
    if (!m_data)
        return;
    if (!m_pinned) {
        ::operator delete(m_data);
        return;
    }
    const std::lock_guard alone(g_recording);
    if (waitForDevice())
        cudaFreeHost(m_data);
}

OwnStream::OwnStream() {
    requireDevice();
    cudaStream_t stream = nullptr;
    throwUnlessSuccess(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
    m_stream = stream;
}

OwnStream::~OwnStream() {
    cudaStreamSynchronize(streamOf(m_stream));
    cudaStreamDestroy(streamOf(m_stream));
}

// Memory that is not pinned is staged before the call returns, but where it is read in place.
void upload(void* to, const void* from, std::size_t bytes, Stream stream) {
    throwUnlessSuccess(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, streamOf(stream)),
                       "copying to the GPU");
    if (readsHostMemory())
        wait(stream);
}

void download(void* to, const void* from, std::size_t bytes, Stream stream) {
    throwUnlessSuccess(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, streamOf(stream)),
                       "copying from the GPU");
}

void copy(void* to, const void* from, std::size_t bytes, Stream stream) {
    throwUnlessSuccess(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, streamOf(stream)),
                       "copying on the GPU");
}

void clear(void* to, std::size_t bytes, Stream stream) {
    throwUnlessSuccess(cudaMemsetAsync(to, 0, bytes, streamOf(stream)), "clearing GPU memory");
}

void wait(Stream stream) {
    throwUnlessSuccess(cudaStreamSynchronize(streamOf(stream)), "waiting for the GPU");
}

LaunchGraph LaunchGraph::record(Stream stream, const std::function<void()>& work) {
    const std::lock_guard alone(g_recording);
    throwUnlessSuccess(cudaStreamBeginCapture(streamOf(stream), cudaStreamCaptureModeThreadLocal),
                       "recording a graph");
    cudaGraph_t recorded = nullptr;
    try {
        work();
    } catch (...) {
        if (cudaStreamEndCapture(streamOf(stream), &recorded) == cudaSuccess)
            cudaGraphDestroy(recorded);
        cudaGetLastError(); // what was thrown says why
        throw;
    }
    throwUnlessSuccess(cudaStreamEndCapture(streamOf(stream), &recorded), "recording a graph");
    cudaGraphExec_t ready = nullptr;
    const cudaError_t error = cudaGraphInstantiate(&ready, recorded, 0);
    cudaGraphDestroy(recorded);
    throwUnlessSuccess(error, "making a graph");
    LaunchGraph graph;
    graph.m_graph = ready;
    return graph;
}

void LaunchGraph::launch(Stream stream) const {
    throwUnlessSuccess(cudaGraphLaunch(static_cast<cudaGraphExec_t>(m_graph), streamOf(stream)),
                       "launching a graph");
}

LaunchGraph::~LaunchGraph() {
    if (m_graph)
        cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(m_graph));
}

DeviceTimer::DeviceTimer() {
    requireDevice();
    for (void** const at : {&m_begin, &m_end}) {
        cudaEvent_t event = nullptr;
        throwUnlessSuccess(cudaEventCreate(&event), "making an event");
        *at = event;
    }
}

DeviceTimer::~DeviceTimer() {
    for (void* const event : {m_begin, m_end})
        if (event)
            cudaEventDestroy(static_cast<cudaEvent_t>(event));
}

void DeviceTimer::begin(Stream stream) {
    takeTime(m_begin, stream);
}

void DeviceTimer::end(Stream stream) {
    takeTime(m_end, stream);
}

double DeviceTimer::seconds() const {
    return secondsBetween(m_begin, m_end);
}

double DeviceTimer::beginsAfter(const DeviceTimer& other) const {
    return secondsBetween(other.m_begin, m_begin);
}

DeviceFacts deviceFacts() {
    requireDevice();
    int device = 0;
    cudaDeviceProp properties{};
    DeviceFacts facts;
    throwUnlessSuccess(cudaGetDevice(&device), "asking for the GPU");
    throwUnlessSuccess(cudaGetDeviceProperties(&properties, device), "asking for the GPU");
    throwUnlessSuccess(cudaMemGetInfo(&facts.freeMemory, &facts.memory), "asking for the GPU's memory");
    facts.name = properties.name;
    facts.multiprocessors = properties.multiProcessorCount;
    return facts;
}

} // namespace fovea::cuda
