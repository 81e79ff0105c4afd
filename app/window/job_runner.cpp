#include "app/window/job_runner.h"

#include <QMetaObject>
#include <QThread>

#include <algorithm>
#include <condition_variable>
#include <exception>

#include "app/window/thread_share.h"

namespace fovea {

namespace {

constexpr int kFrameMs = 33;

const char* const kLaneNames[kLanes] = {"engine", "interactive", "background", "opening", "text", "check", "disk"};

} // namespace

void Job::publish(Deliver interim) {
    const std::lock_guard lock(m_mutex);
    m_interim = std::move(interim);
}

QString Job::title() const {
    const std::lock_guard lock(m_mutex);
    return m_title;
}

void Job::setTitle(const QString& title) {
    const std::lock_guard lock(m_mutex);
    m_title = title;
}

// One thread that runs what it is given, one piece at a time.
class JobRunner::Worker : public QThread {
public:
    Worker(JobRunner& runner, Lane lane) : m_runner(runner), m_lane(lane) {
        setObjectName(kLaneNames[static_cast<int>(lane)]);
    }
    ~Worker() override {
        {
            const std::lock_guard lock(m_mutex);
            m_quit = true;
        }
        m_wake.notify_one();
        wait();
    }
    void give(std::shared_ptr<Job> job, Work work) {
        {
            const std::lock_guard lock(m_mutex);
            m_job = std::move(job);
            m_work = std::move(work);
        }
        m_wake.notify_one();
    }

protected:
    void run() override {
        takeThreadShare(m_lane != Lane::Interactive);
        for (;;) {
            std::shared_ptr<Job> job;
            Work work;
            {
                std::unique_lock lock(m_mutex);
                m_wake.wait(lock, [this] { return m_quit || m_job; });
                if (m_quit)
                    return;
                job = std::exchange(m_job, nullptr);
                work = std::exchange(m_work, nullptr);
            }
            followThreadShare();
            Deliver deliver;
            QString error;
            try {
                deliver = work(*job);
            } catch (const std::bad_alloc&) {
                error = QStringLiteral("%1: not enough memory").arg(job->title());
            } catch (const std::exception& e) {
                error = QString::fromUtf8(e.what()).section(QLatin1Char('\n'), 0, 0);
            }
            work = nullptr; // what it holds on to is freed here, not on the interface's thread
            QMetaObject::invokeMethod(
                &m_runner,
                [runner = &m_runner, lane = m_lane, job, deliver = std::move(deliver), error] {
                    runner->ended(lane, job, deliver, error);
                },
                Qt::QueuedConnection);
        }
    }

private:
    JobRunner& m_runner;
    const Lane m_lane;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::shared_ptr<Job> m_job;
    Work m_work;
    bool m_quit = false;
};

JobRunner::JobRunner(QObject* parent) : QObject(parent) {
    for (int i = 0; i < kLanes; ++i) {
        m_lanes[static_cast<std::size_t>(i)].worker = std::make_unique<Worker>(*this, static_cast<Lane>(i));
        m_lanes[static_cast<std::size_t>(i)].worker->start();
    }
    m_frame.setInterval(kFrameMs);
    m_frame.setTimerType(Qt::PreciseTimer);
    connect(&m_frame, &QTimer::timeout, this, &JobRunner::tick);
}

JobRunner::~JobRunner() {
    for (LaneState& lane : m_lanes)
        if (lane.current)
            lane.current->m_cancelled = true;
    for (LaneState& lane : m_lanes)
        lane.worker.reset();
}

std::uint64_t JobRunner::start(Lane lane, const QString& title, Supersede supersede, Work work) {
    LaneState& s = state(lane);
    auto job = std::make_shared<Job>(++m_generation, title);
    if (supersede != Supersede::Nothing)
        s.waiting.clear();
    if (supersede == Supersede::Cancel) {
        s.wantedFrom = job->generation();
        if (s.current)
            s.current->m_cancelled = true;
    }
    if (s.current)
        s.waiting.emplace_back(std::move(job), std::move(work));
    else
        begin(lane, std::move(job), std::move(work));
    return m_generation;
}

void JobRunner::begin(Lane lane, std::shared_ptr<Job> job, Work work) {
    LaneState& s = state(lane);
    s.current = job;
    s.worker->give(std::move(job), std::move(work));
    if (!m_frame.isActive())
        m_frame.start();
}

void JobRunner::cancel(Lane lane) {
    LaneState& s = state(lane);
    s.wantedFrom = m_generation + 1;
    stop(lane);
}

void JobRunner::stop(Lane lane) {
    LaneState& s = state(lane);
    s.waiting.clear();
    if (s.current)
        s.current->m_cancelled = true;
}

bool JobRunner::busy(Lane lane) const {
    return state(lane).current != nullptr;
}

bool JobRunner::idle() const {
    return std::none_of(m_lanes.begin(), m_lanes.end(),
                        [](const LaneState& s) { return s.current != nullptr; });
}

void JobRunner::ended(Lane lane, const std::shared_ptr<Job>& job, const Deliver& deliver,
                      const QString& error) {
    LaneState& s = state(lane);
    s.current = nullptr;
    const bool wanted = job->generation() >= s.wantedFrom;
    // The next one starts before this one's result is drawn: drawing takes time the lane can use.
    if (!s.waiting.empty()) {
        auto [next, work] = std::move(s.waiting.front());
        s.waiting.pop_front();
        begin(lane, std::move(next), std::move(work));
    }
    if (!wanted)
        ++m_dropped;
    else if (!error.isEmpty())
        Q_EMIT failed(lane, error);
    else if (deliver)
        deliver();
    if (!busy(lane))
        Q_EMIT finished(lane);
    if (idle())
        m_frame.stop();
}

void JobRunner::tick() {
    for (int i = 0; i < kLanes; ++i) {
        const auto lane = static_cast<Lane>(i);
        const std::shared_ptr<Job> job = state(lane).current;
        if (!job || job->generation() < state(lane).wantedFrom)
            continue;
        Deliver interim;
        {
            const std::lock_guard lock(job->m_mutex);
            interim = std::exchange(job->m_interim, nullptr);
        }
        if (interim)
            interim();
        Q_EMIT progressed(lane, job->title(), job->m_fraction.load(std::memory_order_relaxed));
    }
}

} // namespace fovea
