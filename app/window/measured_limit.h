#pragma once
// The line that GB/s are held against: how fast this machine reads a working set of the run's size, on the
// engine's threads, measured once per size in the background. What fits a cache is bounded by that cache, and
// the label says so. Of runs on a GPU: how fast that copies.

#include <QObject>

#include <cstdint>

namespace fovea {

class Controller;
class JobRunner;
class Timelines;

// Median GB/s (10^9 bytes) of reading `bytes` again and again on the calling thread's libtorch threads; takes
// about a tenth of a second.
double readGigabytesPerSecond(std::int64_t bytes);
// The same of copying on the GPU, a large set; what is read and what is written both count. Throws std::runtime_error
// where there is none.
double deviceCopyGigabytesPerSecond();
// The machine's largest cache in bytes, 0 where it does not tell.
std::int64_t largestCache();

class MeasuredLimit : public QObject {
    Q_OBJECT

public:
    MeasuredLimit(Controller& controller, JobRunner& jobs, Timelines& timelines, QObject* parent = nullptr);

private:
    void measure();
    void show(double gbps, std::int64_t workingSet);
    void showDevice(double gbps);

    Controller& m_controller;
    JobRunner& m_jobs;
    Timelines& m_timelines;
    std::int64_t m_measured = 0; // working set of the line on screen, rounded up
    bool m_measuredDevice = false; // it is the GPU's
};

} // namespace fovea
