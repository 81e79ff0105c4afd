#pragma once
// One cell of the GPU's bench: what of it fits the card, and its rounds.

#include <cstdint>

#include "core/bench/device_bench.h"

namespace fovea {

// What cells share.
struct DeviceBenchRun {
    const DeviceBenchOptions& options;
    cuda::Stream stream;
    std::int64_t room; // bytes that a cell may take
    const DeviceCopy& copy;
    RandomMemory& random;
};

DeviceCell runCell(const DeviceQuestion& question, const DeviceBenchRun& run);
DeviceProductCell runProducts(const DeviceProductQuestion& question, const DeviceBenchRun& run);

} // namespace fovea
