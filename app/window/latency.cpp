#include "app/window/latency.h"

#include <QEvent>
#include <QMetaObject>

#include <algorithm>
#include <cmath>

namespace fovea {

namespace {

constexpr int kBeatMs = 5;
constexpr double kNsPerMs = 1e6;

} // namespace

BlockWatch::BlockWatch(QObject* parent) : QObject(parent) {
    m_timer.setInterval(kBeatMs);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, [this] {
        m_longest = std::max(m_longest, static_cast<double>(m_clock.nsecsElapsed()) / kNsPerMs - kBeatMs);
        m_clock.restart();
    });
}

void BlockWatch::start() {
    m_longest = 0;
    m_clock.start();
    m_timer.start();
}

void BlockWatch::stop() {
    m_timer.stop();
}

Quantiles quantiles(std::vector<double> values) {
    Quantiles q;
    q.count = values.size();
    if (values.empty())
        return q;
    std::sort(values.begin(), values.end());
    // Nearest rank: the smallest value that at least this share of all values does not exceed.
    const auto at = [&](double share) {
        const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
        return values[std::max<std::size_t>(rank, 1) - 1];
    };
    q.median = at(0.5);
    q.p95 = at(0.95);
    q.longest = values.back();
    return q;
}

RepaintWatch::RepaintWatch(QObject* parent) : QObject(parent) {
    m_clock.start();
}

void RepaintWatch::watch(QWidget* widget) {
    widget->installEventFilter(this);
    m_screens.push_back({widget});
}

void RepaintWatch::edited(std::uint64_t version) {
    m_open.push_back({version, m_clock.nsecsElapsed()});
}

void RepaintWatch::shown(std::uint64_t version) {
    m_shown = std::max(m_shown, version);
    // Only what the eye can see has to repaint: a hidden view gets no paint event.
    for (Screen& screen : m_screens)
        screen.stale = screen.widget && screen.widget->isVisible();
}

void RepaintWatch::clear() {
    m_open.clear();
    m_milliseconds.clear();
}

bool RepaintWatch::eventFilter(QObject* object, QEvent* event) {
    if (event->type() == QEvent::Paint && !m_open.empty()) {
        for (Screen& screen : m_screens)
            if (screen.widget == object)
                screen.stale = false;
        // The filter sees the event before the widget paints: the time is taken once painting is over.
        if (std::none_of(m_screens.begin(), m_screens.end(), [](const Screen& s) { return s.stale; }))
            QMetaObject::invokeMethod(
                this, [this, painted = m_shown] { settle(painted); }, Qt::QueuedConnection);
    }
    return QObject::eventFilter(object, event);
}

void RepaintWatch::settle(std::uint64_t painted) {
    const qint64 now = m_clock.nsecsElapsed();
    while (!m_open.empty() && m_open.front().version <= painted) {
        m_milliseconds.push_back(static_cast<double>(now - m_open.front().at) / kNsPerMs);
        m_open.pop_front();
    }
}

} // namespace fovea
