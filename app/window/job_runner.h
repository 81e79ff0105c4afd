#pragma once
// Long work off the interface's thread. Eight lanes, one thread each, so that a slider's replay never waits
// for a running model:
//   Engine       the model runs; leaves the interface a core
//   Interactive  what the eye waits for: the head on screen, under the plan of this very moment
//   Stored       what plan B's store makes of the head on screen
//   Background   summaries of all heads
//   Opening      models being opened
//   Text         a text's tokens, counted or cut to fit
//   Check        backends held against each other
//   Disk         exports being written, files looked for, in the order they were asked for
// Every job has a generation number; a result whose generation is no longer wanted drops itself. All public
// functions belong to the interface's thread, and so do all results.

#include <QObject>
#include <QString>
#include <QTimer>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace fovea {

enum class Lane : std::uint8_t { Engine, Interactive, Stored, Background, Opening, Text, Check, Disk };
inline constexpr int kLanes = 8;

// What a started job does to those before it in its lane.
enum class Supersede : std::uint8_t {
    Cancel,  // their results are worthless: stop the running one, drop what it brings, forget the waiting
    Waiting, // the running one's result is newer than what is on screen: show it, then run this one and none
             // between. A drag that always cancelled would show nothing until the hand rests
    Nothing  // every job counts: take one's turn
};

// Runs on the interface's thread.
using Deliver = std::function<void()>;

// The running job, as its work sees it. Thread-safe.
class Job {
public:
    explicit Job(std::uint64_t generation, QString title)
        : m_generation(generation), m_title(std::move(title)) {}

    std::uint64_t generation() const { return m_generation; }
    QString title() const;
    void setTitle(const QString& title); // when it is known better what is being done
    const std::atomic<bool>& cancelled() const { return m_cancelled; }
    void progress(double fraction) { m_fraction.store(fraction, std::memory_order_relaxed); }
    // A picture on the way. Only the newest reaches the interface, at its frame rate.
    void publish(Deliver interim);

private:
    friend class JobRunner;

    const std::uint64_t m_generation;
    std::atomic<bool> m_cancelled{false};
    std::atomic<double> m_fraction{0};
    mutable std::mutex m_mutex;
    QString m_title;
    Deliver m_interim;
};

// Runs on the lane's thread; what it returns runs on the interface's thread, unless it has become stale.
// Whatever it throws becomes one line, through failed().
using Work = std::function<Deliver(Job&)>;

class JobRunner : public QObject {
    Q_OBJECT

public:
    explicit JobRunner(QObject* parent = nullptr);
    ~JobRunner() override; // cancels everything and waits

    std::uint64_t start(Lane lane, const QString& title, Supersede supersede, Work work);
    void cancel(Lane lane); // running and waiting; their results are dropped
    void stop(Lane lane);   // the running job ends early and its result counts; the waiting are forgotten
    bool busy(Lane lane) const;
    bool idle() const;
    // Results that arrived too late and were dropped, for tests.
    std::uint64_t dropped() const { return m_dropped; }

Q_SIGNALS:
    void progressed(fovea::Lane lane, const QString& title, double fraction); // at most 30 times a second
    void finished(fovea::Lane lane);                                          // the lane has nothing left
    void failed(fovea::Lane lane, const QString& line);

private:
    class Worker;
    struct LaneState {
        std::unique_ptr<Worker> worker;
        std::shared_ptr<Job> current; // running
        std::deque<std::pair<std::shared_ptr<Job>, Work>> waiting;
        std::uint64_t wantedFrom = 1; // results of older generations are stale
    };

    LaneState& state(Lane lane) { return m_lanes[static_cast<std::size_t>(lane)]; }
    const LaneState& state(Lane lane) const { return m_lanes[static_cast<std::size_t>(lane)]; }
    void begin(Lane lane, std::shared_ptr<Job> job, Work work);
    void ended(Lane lane, const std::shared_ptr<Job>& job, const Deliver& deliver, const QString& error);
    void tick();

    std::array<LaneState, kLanes> m_lanes;
    std::uint64_t m_generation = 0;
    std::uint64_t m_dropped = 0;
    QTimer m_frame;
};

} // namespace fovea
