// What cases tagged [host] ask of tests/support/simt, where a GPU runs them: it has no answer.

#include <stdexcept>

#include "tests/support/simt/host_device.h"
#include "tests/support/simt/launches.h"

namespace fovea::simt {
namespace {

[[noreturn]] void refuse() {
    throw std::logic_error("a case tagged [host] runs on the host alone");
}

} // namespace

void limitMemory(std::size_t) {
    refuse();
}
std::size_t mostTakenMemory() {
    refuse();
}
std::size_t takeDownloaded() {
    refuse();
}
std::size_t recordedGraphs() {
    refuse();
}
void executeIn(Order, unsigned long) {
    refuse();
}
std::uint64_t executedLaunches() {
    refuse();
}

} // namespace fovea::simt
