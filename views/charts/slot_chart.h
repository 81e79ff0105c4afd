#pragma once
// The cache-slot timeline: every cached token from the step it came to the step it left, as a line along the
// shared step axis. By position the life of a window is a band and a sink is a line that never ends; by slot
// one sees which slot a token inherited. A lies grey beneath B.

#include <memory>
#include <span>

#include "views/charts/slot_lives.h"
#include "views/charts/step_chart.h"

namespace fovea {

struct Run;

class SlotChart : public StepChart {
    Q_OBJECT
public:
    enum class Rows { Position, Slot };

    explicit SlotChart(QWidget* parent = nullptr);
    ~SlotChart() override;

    // Either may be null. One KV head of one layer is drawn; where all live alike the chart says so.
    void setRuns(std::shared_ptr<const Run> a, std::shared_ptr<const Run> b);
    void setLane(int layer, int kvHead);
    void setRows(Rows rows);
    Rows rows() const;

    // Has any token of this lane left in either run? If not there is nothing to tell.
    bool anyEvicted() const;
    // A plan's stays, for tests.
    std::span<const SlotStay> stays(bool ofB) const;
    // "plan,layer,kv_head,position,slot,from_step,to_step,evicted", a line per stay.
    QString livesCsv() const;

protected:
    void drawPlot(QPainter& painter, const QRectF& area) const override;
    QString unitName() const override;
    QString tipAt(const QPointF& at) const override;

private:
    struct Lane;
    struct Lives;
    void rebuild();
    double rowsShown() const;
    std::int64_t rowOf(const SlotStay& stay) const;
    void drawStays(QPainter& painter, const QRectF& area, const Lane& lane, double share) const;

    std::unique_ptr<Lives> m_lives;
};

} // namespace fovea
