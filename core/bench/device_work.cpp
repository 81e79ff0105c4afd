#include "core/bench/device_work.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fovea {

namespace {

constexpr double kShortestSample = 2e-3; // seconds
constexpr double kMostCalls = 1e5;       // should the clock say that no time has passed

} // namespace

DeviceWork::DeviceWork(std::function<void()> queue, cuda::Stream stream)
    : m_queue(std::move(queue)), m_stream(stream) {
    secondsOf(1);
    const double once = secondsOf(1);
    m_calls =
        static_cast<int>(std::clamp(std::ceil(kShortestSample / std::max(once, 1e-9)), 1.0, kMostCalls));
}

void DeviceWork::sample() {
    m_samples.add(secondsOf(m_calls));
}

DeviceTime DeviceWork::time(double parts) const {
    return {m_samples.quantile(.5) / parts, m_samples.spread() / parts, m_samples.quantile(0) / parts};
}

double DeviceWork::secondsOf(int calls) {
    m_timer.begin(m_stream);
    for (int i = 0; i < calls; ++i)
        m_queue();
    m_timer.end(m_stream);
    cuda::wait(m_stream);
    return m_timer.seconds() / calls;
}

void sampleInTurn(std::vector<DeviceWork>& works, int rounds) {
    for (int round = 0; round < rounds; ++round)
        for (DeviceWork& work : works)
            work.sample();
}

} // namespace fovea
