#pragma once
// Stacked charts on one step axis: KV held, bytes moved per step, GB/s against the measured limit, KL to A,
// and, where a plan or the model itself drops tokens, the life of every cached token. All bytes of a run are
// as counted, with the formula's total as a dashed line on top; under "Show as" a large model they are
// formula alone and every title says so.
//
// Wheel zooms about the cursor, a drag selects a range, Shift+drag or Shift+wheel pans, F fits, Esc clears
// the selection or, without one, the zoom; a click picks a step. The content of a PanelFrame, whose header
// furnish() fills with the legend and the controls.

#include <QStringList>
#include <QWidget>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/cache/traffic.h"
#include "views/charts/chart_series.h"

class QCheckBox;
class QTimer;

namespace fovea {

struct Comparison;
struct Run;
class FlatCombo;
class PanelFrame;
class SlotChart;
class StepChart;

// Byte timelines of a model that was not run, from its closed forms.
struct FormulaSeries {
    QString title;             // "Llama-2-7B, f16"
    std::vector<double> steps; // cached tokens, ascending
    struct Plan {
        std::vector<Traffic> moved; // by one decode step, all layers; one per step
        std::vector<Traffic> held;
    };
    Plan a, b;
};

class Timelines : public QWidget {
    Q_OBJECT
public:
    explicit Timelines(QWidget* parent = nullptr);
    ~Timelines() override;

    // Either may be null. Cheap to call at 30 Hz while a run grows: what is drawn follows within 60 ms.
    void setRuns(std::shared_ptr<const Run> a, std::shared_ptr<const Run> b);
    // The head whose cache slots are drawn.
    void setHead(int layer, int kvHead);
    // KL to A per step; null hides the chart.
    void setComparison(std::shared_ptr<const Comparison> comparison);
    // GB/s. `label` is the caller's, "measured limit 36.1 GB/s, working set 3.1 MB: cache-resident".
    void setLimit(double gbps, const QString& label);
    void clearLimit();
    QString limitText() const;
    // Draws now what setRuns and setComparison put off.
    void flush();
    // The position that the whole window looks at; does not emit.
    void setCursor(std::int64_t position);

    // Entries of "Show as"; the first is this model. Choosing emits showAsChosen(index); the answer is
    // setShowAs(series), and for index 0 setShowAs(nothing).
    void setShowAsChoices(const QStringList& choices);
    void setShowAsChoice(int index);
    int showAsChoice() const;
    void setShowAs(std::optional<FormulaSeries> formula);

    // Visible steps.
    std::pair<double, double> range() const;
    void setRange(double first, double last);
    void fit();

    // Top to bottom, hidden ones included: held, moved, rate, kl, slots.
    const std::vector<StepChart*>& charts() const { return m_charts; }
    SlotChart* slots() const { return m_slots; }

    QString toCsv() const; // every chart's columns over one step column
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;
    // Title, subtitle, legend and the controls "weights" and "Show as" into the frame's header.
    void furnish(PanelFrame* frame);

Q_SIGNALS:
    void stepPicked(qint64 position);
    void rangeChanged(double first, double last);
    void showAsChosen(int index);

protected:
    void keyPressEvent(QKeyEvent*) override;
    void changeEvent(QEvent*) override;

private:
    struct Data;
    void buildControls();
    int shareOf(const StepChart* chart) const;
    void connectChart(StepChart* chart);
    void scheduleRebuild();
    void rebuild();
    void showCharts();
    void showCursor();
    void showSubtitle();
    void select(double first, double last);
    void pick(double step);
    void applyRange(double first, double last);
    void zoom(double step, double factor);
    std::pair<double, double> wholeRange() const;

    std::unique_ptr<Data> m_data;
    std::vector<StepChart*> m_charts;
    SlotChart* m_slots = nullptr; // the last of m_charts
    FlatCombo* m_showAs = nullptr;
    FlatCombo* m_slotRows = nullptr;
    QCheckBox* m_weights = nullptr;
    QTimer* m_pending = nullptr;
};

} // namespace fovea
