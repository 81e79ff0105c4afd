#include "views/charts/timelines.h"

#include <QCheckBox>
#include <QKeyEvent>
#include <QPainter>
#include <QTimer>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

#include "core/engine/compare.h"
#include "core/engine/run.h"
#include "core/plan/share_text.h"
#include "views/charts/run_series.h"
#include "views/charts/slot_chart.h"
#include "views/charts/step_chart.h"
#include "views/panel_frame.h"
#include "views/panels/copy_menu.h"
#include "views/panels/flat_combo.h"
#include "views/theme.h"

namespace fovea {
namespace {

enum Chart : std::size_t { HeldChart, MovedChart, RateChart, KlChart, SlotsChart };
constexpr double kFewestSteps = 4; // closest zoom
constexpr int kPause = 60;         // ms between two redraws of a growing run

} // namespace

struct Timelines::Data {
    std::shared_ptr<const Run> a, b;
    std::shared_ptr<const Comparison> comparison;
    std::optional<FormulaSeries> formula;
    double first = 0, last = 1;
    bool fitted = true; // the range follows a growing run until the user zooms
    std::optional<std::pair<double, double>> selection;
    std::optional<std::int64_t> cursor;
    PanelFrame* frame = nullptr;
};

Timelines::Timelines(QWidget* parent) : QWidget(parent), m_data(std::make_unique<Data>()) {
    setFocusPolicy(Qt::StrongFocus);
    buildControls();
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 2, 0, 2);
    column->setSpacing(0);
    m_charts = {new StepChart(tr("KV held"), ChartUnit::Bytes, this),
                new StepChart(tr("Bytes moved per step"), ChartUnit::Bytes, this),
                new StepChart(tr("Attention bandwidth"), ChartUnit::GigabytesPerSecond, this),
                new StepChart(tr("KL to A per step"), ChartUnit::Nats, this)};
    m_slots = new SlotChart(this);
    m_charts.push_back(m_slots);
    for (auto* chart : m_charts) {
        column->addWidget(chart, shareOf(chart));
        connectChart(chart);
    }
    addCopyMenu(
        m_slots, tr("cache slots"), [this] { return m_slots->renderToImage(m_slots->size(), 2); },
        [this] { return m_slots->livesCsv(); });
    m_pending = new QTimer(this);
    m_pending->setSingleShot(true);
    connect(m_pending, &QTimer::timeout, this, &Timelines::rebuild);
    addCopyMenu(
        this, tr("timelines"), [this] { return renderToImage(size(), 2); }, [this] { return toCsv(); });
    showCharts();
}

Timelines::~Timelines() = default;

// Of the height: a line per token needs more of it than a curve.
int Timelines::shareOf(const StepChart* chart) const {
    return chart == m_slots ? 5 : 3;
}

void Timelines::buildControls() {
    m_weights = new QCheckBox(tr("weights"), this);
    m_weights->setToolTip(
        tr("Add the model's own parameters, which every step reads once, to the bytes moved"));
    m_weights->hide();
    connect(m_weights, &QCheckBox::toggled, this, &Timelines::scheduleRebuild);
    m_showAs = new FlatCombo(this);
    m_showAs->setMuted(true);
    setShowAsChoices({tr("this model")});
    m_showAs->setToolTip(tr("Show as: draw the byte timelines of a large model from its closed forms"));
    m_showAs->hide();
    connect(m_showAs, &QComboBox::activated, this, &Timelines::showAsChosen);
    m_slotRows = new FlatCombo(this);
    m_slotRows->setMuted(true);
    m_slotRows->addItems({tr("slots: by position"), tr("slots: by slot")});
    m_slotRows->setToolTip(tr("Cache slots: a row per token of the text, or a row per slot of the cache"));
    m_slotRows->hide();
    connect(m_slotRows, &QComboBox::currentIndexChanged, this, [this](int index) {
        m_slots->setRows(index ? SlotChart::Rows::Slot : SlotChart::Rows::Position);
    });
}

void Timelines::furnish(PanelFrame* frame) {
    m_data->frame = frame;
    frame->setTitle(tr("Timelines"));
    frame->setNote(tr("formula □   counted ■   timed ●"));
    frame->addHeaderWidget(m_slotRows);
    frame->addHeaderWidget(m_weights);
    frame->addHeaderWidget(m_showAs);
    m_weights->show();
    m_showAs->show();
    showSubtitle();
}

void Timelines::showSubtitle() {
    if (!m_data->frame)
        return;
    auto text = tr("one step axis · drag selects · wheel zooms · F fits");
    if (m_data->selection) {
        const auto [first, last] = *m_data->selection;
        const auto moved = [&](const Run* run) {
            double sum = 0;
            for (const auto& step : run->steps)
                if (static_cast<double>(step.position) >= first && static_cast<double>(step.position) <= last)
                    sum += static_cast<double>(step.counted.attention());
            return valueText(ChartUnit::Bytes, sum);
        };
        text = tr("steps %1–%2").arg(std::ceil(first), 0, 'f', 0).arg(std::floor(last), 0, 'f', 0);
        if (m_data->a && !m_data->formula)
            text += tr(" · A moved %1").arg(moved(m_data->a.get()));
        if (m_data->b && !m_data->formula)
            text += tr(" · B moved %1").arg(moved(m_data->b.get()));
        text += tr(" · F zooms in · Esc clears");
    }
    m_data->frame->setSubtitle(text);
}

void Timelines::connectChart(StepChart* chart) {
    connect(chart, &StepChart::zoomed, this, &Timelines::zoom);
    connect(chart, &StepChart::panned, this, [this](double steps) {
        const auto [low, high] = wholeRange();
        const double by =
            std::clamp(steps, std::min(low - m_data->first, 0.), std::max(high - m_data->last, 0.));
        setRange(m_data->first + by, m_data->last + by);
    });
    connect(chart, &StepChart::dragging, this, &Timelines::select);
    connect(chart, &StepChart::rangeSelected, this, &Timelines::select);
    connect(chart, &StepChart::clicked, this, [this](double step) { pick(step); });
}

void Timelines::setRuns(std::shared_ptr<const Run> a, std::shared_ptr<const Run> b) {
    m_data->a = std::move(a);
    m_data->b = std::move(b);
    scheduleRebuild();
}

void Timelines::setHead(int layer, int kvHead) {
    m_slots->setLane(layer, kvHead);
}

void Timelines::setComparison(std::shared_ptr<const Comparison> comparison) {
    m_data->comparison = std::move(comparison);
    scheduleRebuild();
}

void Timelines::setLimit(double gbps, const QString& label) {
    m_charts[RateChart]->setLimit(gbps, label);
}

QString Timelines::limitText() const {
    return m_charts[RateChart]->limitText();
}

void Timelines::clearLimit() {
    m_charts[RateChart]->setLimit(std::nullopt);
}

void Timelines::setCursor(std::int64_t position) {
    m_data->cursor = position;
    showCursor();
}

void Timelines::showCursor() {
    // Under "Show as" the axis counts the large model's tokens, where this position means nothing.
    std::optional<double> at;
    if (m_data->cursor && !m_data->formula)
        at = static_cast<double>(*m_data->cursor);
    for (auto* chart : m_charts)
        chart->setCursor(at);
}

void Timelines::setShowAsChoices(const QStringList& choices) {
    m_showAs->clear();
    for (const auto& choice : choices)
        m_showAs->addItem(tr("show as: %1").arg(choice));
}

void Timelines::setShowAsChoice(int index) {
    m_showAs->setCurrentIndex(index);
}

int Timelines::showAsChoice() const {
    return m_showAs->currentIndex();
}

void Timelines::setShowAs(std::optional<FormulaSeries> formula) {
    m_data->formula = std::move(formula);
    m_data->selection.reset();
    m_data->fitted = true;
    rebuild();
}

void Timelines::scheduleRebuild() {
    if (!m_pending->isActive())
        m_pending->start(kPause);
}

void Timelines::flush() {
    if (m_pending->isActive())
        rebuild();
}

void Timelines::rebuild() {
    m_pending->stop();
    auto& d = *m_data;
    const bool weights = m_weights->isChecked();
    if (d.formula) {
        m_charts[HeldChart]->setData(heldSeries(*d.formula));
        m_charts[MovedChart]->setData(movedSeries(*d.formula, weights));
    } else {
        m_charts[HeldChart]->setData(heldSeries(d.a.get(), d.b.get()));
        m_charts[MovedChart]->setData(movedSeries(d.a.get(), d.b.get(), weights));
        m_charts[RateChart]->setData(rateSeries(d.a.get(), d.b.get()));
        m_charts[KlChart]->setData(d.b && d.comparison ? klSeries(*d.b, *d.comparison) : ChartData{});
        m_slots->setRuns(d.a, d.b);
    }
    showCharts();
    if (d.fitted)
        fit();
}

void Timelines::showCharts() {
    const auto& d = *m_data;
    const auto note = d.formula ? tr("formula, %1").arg(d.formula->title) : QString();
    m_charts[HeldChart]->setNote(d.formula || d.a || d.b ? note : tr("no run yet"));
    m_charts[MovedChart]->setNote(note);
    m_charts[KlChart]->setNote(d.b && conversionNote(d.b->plan.share) ? tr("B: untrained conversion") : QString());
    m_charts[RateChart]->setVisible(!d.formula);
    m_charts[KlChart]->setVisible(!d.formula && d.b && d.comparison);
    m_slots->setVisible(!d.formula && m_slots->anyEvicted());
    m_slotRows->setVisible(d.frame && !m_slots->isHidden());
    StepChart* lowest = m_charts[HeldChart];
    for (auto* chart : m_charts) {
        chart->setStepAxis(false);
        if (!chart->isHidden())
            lowest = chart;
    }
    lowest->setStepAxis(true, d.formula ? tr("tokens") : tr("step"));

    std::vector<StepChart::Marker> markers;
    const Run* run = d.b ? d.b.get() : d.a.get();
    if (run && !d.formula) {
        const auto prompt = static_cast<double>(run->promptTokens);
        const auto from = static_cast<double>(run->decodeFrom);
        markers.push_back({prompt, from == prompt ? tr("prefill ends") : tr("prompt ends")});
        if (from != prompt)
            markers.push_back({from, tr("plan acts from here")});
    }
    for (auto* chart : m_charts) {
        chart->setMarkers(markers);
        for (auto& marker : markers)
            marker.label.clear(); // the top chart names them
    }
    showCursor();
    showSubtitle();
}

std::pair<double, double> Timelines::wholeRange() const {
    const auto& x = m_charts[HeldChart]->x();
    if (x.empty())
        return {0, 1};
    return {x.front(), std::max(x.back(), x.front() + 1)};
}

std::pair<double, double> Timelines::range() const {
    return {m_data->first, m_data->last};
}

void Timelines::setRange(double first, double last) {
    m_data->fitted = false;
    applyRange(first, last);
}

void Timelines::fit() {
    m_data->fitted = true;
    const auto [first, last] = wholeRange();
    applyRange(first, last);
}

void Timelines::applyRange(double first, double last) {
    auto& d = *m_data;
    for (auto* chart : m_charts) {
        chart->setRange(first, last);
        chart->setSelection(d.selection);
    }
    if (first == d.first && last == d.last)
        return;
    d.first = first;
    d.last = last;
    Q_EMIT rangeChanged(first, last);
}

void Timelines::zoom(double step, double factor) {
    const auto [low, high] = wholeRange();
    const double width =
        std::clamp((m_data->last - m_data->first) * factor, std::min(kFewestSteps, high - low), high - low);
    const double share = (step - m_data->first) / (m_data->last - m_data->first);
    const double first = std::clamp(step - share * width, low, high - width);
    if (width >= high - low)
        fit();
    else
        setRange(first, first + width);
}

void Timelines::select(double first, double last) {
    m_data->selection = {first, last};
    for (auto* chart : m_charts)
        chart->setSelection(m_data->selection);
    showSubtitle();
}

void Timelines::pick(double step) {
    const auto& x = m_charts[HeldChart]->x();
    if (x.empty() || m_data->formula)
        return;
    auto at = std::lower_bound(x.begin(), x.end(), step);
    if (at == x.end() || (at != x.begin() && step - *(at - 1) < *at - step))
        --at;
    setCursor(static_cast<std::int64_t>(*at));
    Q_EMIT stepPicked(static_cast<qint64>(*at));
}

void Timelines::keyPressEvent(QKeyEvent* event) {
    auto& d = *m_data;
    const double width = d.last - d.first;
    switch (event->key()) {
    case Qt::Key_F:
        if (d.selection && d.selection->second - d.selection->first >= 1)
            setRange(d.selection->first, d.selection->second);
        else
            fit();
        return;
    case Qt::Key_Escape:
        if (!d.selection)
            fit();
        d.selection.reset();
        applyRange(d.first, d.last);
        showSubtitle();
        return;
    case Qt::Key_W:
    case Qt::Key_Plus:
        zoom(d.first + width / 2, 1 / 1.25);
        return;
    case Qt::Key_S:
    case Qt::Key_Minus:
        zoom(d.first + width / 2, 1.25);
        return;
    case Qt::Key_A:
    case Qt::Key_D:
        Q_EMIT m_charts[HeldChart]->panned(event->key() == Qt::Key_A ? -width / 10 : width / 10);
        return;
    case Qt::Key_Left:
    case Qt::Key_Right:
        if (d.cursor)
            pick(static_cast<double>(*d.cursor + (event->key() == Qt::Key_Left ? -1 : 1)));
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

void Timelines::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && m_charts.size() > SlotsChart)
        scheduleRebuild(); // series carry the theme's colours
}

} // namespace fovea
