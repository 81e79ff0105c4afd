#include "views/charts/slot_chart.h"

#include <algorithm>
#include <cmath>

#include "core/engine/run.h"
#include "views/charts/run_series.h"
#include "views/charts/slot_chart_lives.h"
#include "views/charts/step_chart_state.h"

namespace fovea {

SlotChart::SlotChart(QWidget* parent)
    : StepChart(tr("Cache slots"), ChartUnit::Slots, parent), m_lives(std::make_unique<Lives>()) {}

SlotChart::~SlotChart() = default;

void SlotChart::setRuns(std::shared_ptr<const Run> a, std::shared_ptr<const Run> b) {
    m_lives->a.run = std::move(a);
    m_lives->b.run = std::move(b);
    rebuild();
}

void SlotChart::setLane(int layer, int kvHead) {
    if (m_lives->layer == layer && m_lives->kvHead == kvHead)
        return;
    m_lives->layer = layer;
    m_lives->kvHead = kvHead;
    rebuild();
}

void SlotChart::setRows(Rows rows) {
    m_lives->rows = rows;
    rebuild();
}

SlotChart::Rows SlotChart::rows() const {
    return m_lives->rows;
}

void SlotChart::rebuild() {
    Lives& l = *m_lives;
    bool alike = true;
    for (Lane* lane : {&l.a, &l.b}) {
        lane->stays.clear();
        lane->evicted = 0;
        if (!lane->run || lane->run->steps.empty())
            continue;
        const Run& run = *lane->run;
        alike = alike && run.slots.alike();
        // Beyond the layers that are recorded the first speaks for the others.
        const int layer = l.layer < run.slots.layers() ? l.layer : 0;
        const int kvHead = std::min(l.kvHead, std::max(run.slots.kvHeads() - 1, 0));
        lane->stays = staysOf(run.slots.of(layer, kvHead), run.steps.back().position + 1);
        lane->evicted =
            std::count_if(lane->stays.begin(), lane->stays.end(), [](auto& s) { return s.evicted; });
    }
    setData(anyEvicted() ? slotSeries(l.a.run.get(), l.b.run.get()) : ChartData{});
    setNote(
        !anyEvicted() ? QString()
        : alike
            ? tr("a line per token, birth to eviction · all layers and heads alike")
            : tr("a line per token, birth to eviction · layer %1, KV head %2").arg(l.layer).arg(l.kvHead));
}

bool SlotChart::anyEvicted() const {
    return m_lives->a.evicted + m_lives->b.evicted > 0;
}

std::span<const SlotStay> SlotChart::stays(bool ofB) const {
    return (ofB ? m_lives->b : m_lives->a).stays;
}

std::int64_t SlotChart::rowOf(const SlotStay& stay) const {
    return m_lives->rows == Rows::Position ? stay.position : stay.slot;
}

// As many as the visible steps need, so that zooming in on an early part fills the plot. By slot, those of a plan that
// evicts, from where it acts: a cache that only grows would press it flat.
double SlotChart::rowsShown() const {
    const bool bySlot = m_lives->rows == Rows::Slot;
    std::int64_t highest = 0;
    for (const Lane* lane : {&m_lives->a, &m_lives->b}) {
        if (!lane->run || (bySlot && lane->evicted == 0))
            continue;
        const double from =
            bySlot ? std::max(m_state->first, static_cast<double>(lane->run->decodeFrom)) : m_state->first;
        for (const SlotStay& stay : lane->stays)
            if (static_cast<double>(stay.from) <= m_state->last && static_cast<double>(stay.to) > from)
                highest = std::max(highest, rowOf(stay));
    }
    return static_cast<double>(highest + 1);
}

QString SlotChart::unitName() const {
    return m_lives->rows == Rows::Position ? tr("token position") : tr("slot");
}

QString SlotChart::tipAt(const QPointF& at) const {
    const QRectF area = plotArea();
    const auto step = static_cast<std::int64_t>(std::floor(stepAt(at.x())));
    const auto row =
        static_cast<std::int64_t>((area.bottom() - at.y()) / std::max(area.height(), 1.) * rowsShown());
    QString text = describe(static_cast<double>(step));
    for (const auto& [lane, name] :
         {std::pair(&m_lives->a, QChar(u'A')), std::pair(&m_lives->b, QChar(u'B'))})
        for (const SlotStay& stay : lane->stays)
            if (rowOf(stay) == row && stay.from <= step && step < stay.to)
                text += tr("\n%1: token %2 in slot %3, there since step %4%5")
                            .arg(QChar(name))
                            .arg(stay.position)
                            .arg(stay.slot)
                            .arg(stay.from)
                            .arg(stay.evicted ? tr(", gone from %1 on").arg(stay.to) : QString());
    return text;
}

QString SlotChart::livesCsv() const {
    QString csv = QStringLiteral("plan,layer,kv_head,position,slot,from_step,to_step,evicted\n");
    for (const auto& [lane, name] :
         {std::pair(&m_lives->a, QChar(u'A')), std::pair(&m_lives->b, QChar(u'B'))})
        for (const SlotStay& stay : lane->stays)
            csv += QStringLiteral("%1,%2,%3,%4,%5,%6,%7,%8\n")
                       .arg(QChar(name))
                       .arg(m_lives->layer)
                       .arg(m_lives->kvHead)
                       .arg(stay.position)
                       .arg(stay.slot)
                       .arg(stay.from)
                       .arg(stay.to)
                       .arg(int(stay.evicted));
    return csv;
}

} // namespace fovea
