#pragma once
// The host as a device: what core/kernels/cuda/device_memory.h promises, with memory that can be made scarce and is
// never clean. A stream is an executor. kernels.h's available() is true here.

#include <cstddef>

#include "tests/support/simt/schedule.h"

namespace fovea::simt {

// Bytes that buffers may take together from now on; what they have is counted. No limit at first.
void limitMemory(std::size_t bytes);
// The most that buffers ever had together since it was last asked for.
std::size_t mostTakenMemory();
// Bytes that were downloaded since this was last asked.
std::size_t takeDownloaded();
// Graphs that were ever recorded.
std::size_t recordedGraphs();
// How streams made from now on execute.
void executeIn(Order order, unsigned long seed = 1);

} // namespace fovea::simt
