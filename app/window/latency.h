#pragma once
// What the interface itself measures: how long its thread was blocked, and how long a slider's move took to
// reach the screen.

#include <QElapsedTimer>
#include <QObject>
#include <QPointer>
#include <QTimer>
#include <QWidget>

#include <cstdint>
#include <deque>
#include <vector>

namespace fovea {

// A timer of the interface's thread that should fire every few milliseconds: when it fires late, something
// kept the thread. The gap is what a user's click would have waited.
class BlockWatch : public QObject {
    Q_OBJECT

public:
    explicit BlockWatch(QObject* parent = nullptr);

    void start(); // forgets what was seen before
    void stop();
    double longestMs() const { return m_longest; }

private:
    QTimer m_timer;
    QElapsedTimer m_clock;
    double m_longest = 0;
};

struct Quantiles {
    std::size_t count = 0;
    double median = 0, p95 = 0, longest = 0;
};
Quantiles quantiles(std::vector<double> values);

// From an edit to the first repaint that shows it, or a later one. Edits that a newer one overtook are
// counted too: their wait ended with the newer picture.
class RepaintWatch : public QObject {
    Q_OBJECT

public:
    explicit RepaintWatch(QObject* parent = nullptr);

    // `widget` counts as a screen that has to repaint.
    void watch(QWidget* widget);
    // An edit, now: its picture is any of version >= `version`.
    void edited(std::uint64_t version);
    // The watched widgets have just been given the picture of `version` and will repaint.
    void shown(std::uint64_t version);

    const std::vector<double>& milliseconds() const { return m_milliseconds; }
    void clear();

protected:
    bool eventFilter(QObject* object, QEvent* event) override;

private:
    struct Edit {
        std::uint64_t version;
        qint64 at; // ns on m_clock
    };
    struct Screen {
        QPointer<QWidget> widget;
        bool stale = false; // given a newer picture than it has painted
    };

    void settle(std::uint64_t painted);

    QElapsedTimer m_clock;
    std::deque<Edit> m_open;
    std::vector<Screen> m_screens;
    std::uint64_t m_shown = 0;
    std::vector<double> m_milliseconds;
};

} // namespace fovea
