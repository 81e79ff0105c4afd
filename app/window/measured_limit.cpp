#include "app/window/measured_limit.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <vector>

#include <unistd.h>

#include "app/window/controller.h"
#include "core/bench/device_work.h"
#include "core/bench/read_bandwidth.h"
#include "core/engine/session.h"
#include "core/trace/byte_text.h"
#include "views/charts/timelines.h"

namespace fovea {

namespace {

constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kDeviceSet = std::int64_t{512} << 20; // many times what a card's caches hold
constexpr std::chrono::milliseconds kMeasureFor{100};

// One cache's worth is measured for all runs of about its size.
std::int64_t rounded(std::int64_t bytes) {
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max(bytes, kPage))));
}

} // namespace

double readGigabytesPerSecond(std::int64_t bytes) {
    const AlignedMemory memory = alignedMemory(bytes);
    std::memset(memory.get(), 1,
                static_cast<std::size_t>(bytes)); // pages that were never written read as one
    // Small sets are read many times per sample, so that the clock's own cost does not count.
    constexpr std::int64_t kSample = std::int64_t{4} << 20;
    const std::int64_t passes = std::max<std::int64_t>(1, kSample / bytes);
    std::vector<double> rates;
    volatile std::uint32_t keep = 0; // the sums must be wanted by somebody
    const auto end = std::chrono::steady_clock::now() + kMeasureFor;
    while (rates.size() < 3 || std::chrono::steady_clock::now() < end) {
        const auto start = std::chrono::steady_clock::now();
        for (std::int64_t i = 0; i < passes; ++i)
            keep = keep + sumOf(memory.get(), bytes);
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        rates.push_back(static_cast<double>(bytes * passes) / seconds / 1e9);
    }
    const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
    std::nth_element(rates.begin(), middle, rates.end());
    return *middle;
}

// What the card's memory gives: a cache of a run may fit the card's own caches, whose rate nobody states.
double deviceCopyGigabytesPerSecond() {
    constexpr int kRounds = 9;
    const cuda::OwnStream stream;
    const auto spare = static_cast<std::int64_t>(cuda::deviceFacts().freeMemory / 4);
    const DeviceCopy copy(std::min(kDeviceSet, spare));
    DeviceWork work([&] { copy.queue(stream.get()); }, stream.get());
    for (int i = 0; i < kRounds; ++i)
        work.sample();
    return static_cast<double>(copy.bytes()) / work.time().median / 1e9;
}

std::int64_t largestCache() {
    long largest = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    for (const int level : {_SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE})
        largest = std::max(largest, sysconf(level));
#endif
    return largest;
}

MeasuredLimit::MeasuredLimit(Controller& controller, JobRunner& jobs, Timelines& timelines, QObject* parent)
    : QObject(parent), m_controller(controller), m_jobs(jobs), m_timelines(timelines) {
    connect(&controller, &Controller::runFinished, this, &MeasuredLimit::measure);
}

void MeasuredLimit::measure() {
    const auto& run = m_controller.runs().a;
    if (!run || run->steps.empty())
        return;
    const bool device = run->backend == backendName(Backend::Cuda);
    const std::int64_t workingSet = device ? kDeviceSet : rounded(run->steps.back().held.counted.total());
    if ((workingSet == m_measured && device == m_measuredDevice) || m_jobs.busy(Lane::Engine))
        return;
    if (device) {
        m_jobs.start(Lane::Engine, tr("measuring how fast the GPU copies"), Supersede::Waiting,
                     [this](Job&) -> Deliver {
                         const double gbps = deviceCopyGigabytesPerSecond();
                         return [this, gbps] { showDevice(gbps); };
                     });
        return;
    }
    // In the engine's lane: it must not share the memory with a run, and has the run's threads.
    m_jobs.start(Lane::Engine, tr("measuring how fast this machine reads"), Supersede::Waiting,
                 [this, workingSet](Job&) -> Deliver {
                     const double gbps = readGigabytesPerSecond(workingSet);
                     return [this, gbps, workingSet] { show(gbps, workingSet); };
                 });
}

void MeasuredLimit::showDevice(double gbps) {
    m_measured = kDeviceSet;
    m_measuredDevice = true;
    m_timelines.setLimit(gbps, tr("the GPU copies %1 GB/s").arg(gbps, 0, 'f', 0));
}

void MeasuredLimit::show(double gbps, std::int64_t workingSet) {
    m_measured = workingSet;
    m_measuredDevice = false;
    const std::int64_t cache = largestCache();
    const QString kind = cache > 0 && workingSet <= cache ? tr("cache-resident limit") : tr("measured limit");
    m_timelines.setLimit(gbps, tr("%1 %2 GB/s for %3")
                                   .arg(kind)
                                   .arg(gbps, 0, 'f', 1)
                                   .arg(QString::fromStdString(byteText(workingSet))));
}

} // namespace fovea
