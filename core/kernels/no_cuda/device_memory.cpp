// core/kernels/cuda/device_memory.h in a build without nvcc: there is no device.

#include "core/kernels/cuda/device_memory.h"

namespace fovea::cuda {
namespace {

[[noreturn]] void refuse() {
    throw std::runtime_error(whyUnavailable());
}

} // namespace

DeviceBuffer::DeviceBuffer(std::size_t bytes) {
    if (bytes > 0)
        refuse();
}
DeviceBuffer::~DeviceBuffer() = default;

HostBuffer::HostBuffer(std::size_t bytes) {
    if (bytes > 0)
        refuse();
}
HostBuffer::~HostBuffer() = default;

std::uint64_t takenBuffers() {
    return 0;
}
std::size_t takenBytes() {
    return 0;
}

OwnStream::OwnStream() {
    refuse();
}
OwnStream::~OwnStream() = default;

void upload(void*, const void*, std::size_t, Stream) {
    refuse();
}
void download(void*, const void*, std::size_t, Stream) {
    refuse();
}
void copy(void*, const void*, std::size_t, Stream) {
    refuse();
}
void clear(void*, std::size_t, Stream) {
    refuse();
}
void wait(Stream) {
    refuse();
}

LaunchGraph::~LaunchGraph() = default;
LaunchGraph LaunchGraph::record(Stream, const std::function<void()>&) {
    refuse();
}
void LaunchGraph::launch(Stream) const {
    refuse();
}

DeviceTimer::DeviceTimer() {
    refuse();
}
DeviceTimer::~DeviceTimer() = default;
void DeviceTimer::begin(Stream) {}
void DeviceTimer::end(Stream) {}
double DeviceTimer::seconds() const {
    return 0;
}

double DeviceTimer::beginsAfter(const DeviceTimer&) const {
    return 0;
}

DeviceFacts deviceFacts() {
    refuse();
}

} // namespace fovea::cuda
