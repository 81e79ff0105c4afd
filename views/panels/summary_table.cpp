#include "views/panels/summary_table.h"

#include <QEvent>
#include <QFontMetrics>
#include <QHeaderView>
#include <QPainter>

#include <algorithm>
#include <cmath>

#include "core/engine/compare.h"
#include "core/engine/run.h"
#include "views/charts/chart_series.h"
#include "views/panels/copy_menu.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kRowHeight = 20;
const QString kNone = QStringLiteral("–");

// Four digits, and never an exponent among them: 2032, 766.4, 0.381.
QString figure(double value) {
    if (!std::isfinite(value))
        return kNone;
    const double size = std::abs(value);
    return QString::number(value, 'f', size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3);
}

double kilobytes(std::int64_t bytes) {
    return static_cast<double>(bytes) / 1000;
}

} // namespace

const StepRecord* stepAt(const Run* run, std::int64_t position) {
    if (!run)
        return nullptr;
    const auto at = std::lower_bound(run->steps.begin(), run->steps.end(), position,
                                     [](const StepRecord& s, std::int64_t p) { return s.position < p; });
    return at != run->steps.end() && at->position == position ? &*at : nullptr;
}

SummaryTable::SummaryTable(QWidget* parent) : QTableWidget(kRows, kColumns, parent) {
    setHorizontalHeaderLabels({tr("per token"), tr("A"), tr("B"), tr("B/A")});
    setFrameShape(QFrame::NoFrame);
    setShowGrid(false);
    setEditTriggers(NoEditTriggers);
    setSelectionMode(NoSelection);
    setFocusPolicy(Qt::NoFocus);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    verticalHeader()->hide();
    verticalHeader()->setDefaultSectionSize(kRowHeight);
    verticalHeader()->setMinimumSectionSize(kRowHeight);
    horizontalHeader()->setHighlightSections(false);
    horizontalHeader()->setFixedHeight(kRowHeight);
    horizontalHeader()->setMinimumSectionSize(20);
    horizontalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    horizontalHeader()->setSectionResizeMode(NameColumn, QHeaderView::Stretch);
    // The panel's surface shows through, and no lines but those of the text.
    viewport()->setAutoFillBackground(false);
    setStyleSheet(QStringLiteral("QTableWidget { background: transparent; padding: 0 4px 0 8px; }"
                                 "QHeaderView, QHeaderView::section { background: transparent; border: none;"
                                 " padding: 0 5px 0 1px; }"));
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    for (int row = 0; row < kRows; ++row)
        for (int column = 0; column < kColumns; ++column)
            setItem(row, column, new QTableWidgetItem);
    addCopyMenu(
        this, tr("summary"), [this] { return renderToImage(size(), 2); }, [this] { return toCsv(); });
    refresh();
}

QSize SummaryTable::sizeHint() const {
    return {250, (kRows + 1) * kRowHeight + 8};
}
QSize SummaryTable::minimumSizeHint() const {
    return {180, sizeHint().height()};
}

void SummaryTable::setRuns(std::shared_ptr<const Run> a, std::shared_ptr<const Run> b) {
    m_a = std::move(a);
    m_b = std::move(b);
    refresh();
}

void SummaryTable::setComparison(std::shared_ptr<const Comparison> comparison) {
    m_comparison = std::move(comparison);
    refresh();
}

void SummaryTable::setCursor(std::int64_t position) {
    m_cursor = position;
    refresh();
}

void SummaryTable::put(int row, int column, const QString& text, const QString& tip) {
    const auto& t = theme();
    auto* cell = item(row, column);
    cell->setText(text);
    cell->setToolTip(column == NameColumn ? text + u'\n' + tip : tip);
    cell->setFont(column == NameColumn ? uiFont(10) : numberFont(11));
    cell->setForeground(column == NameColumn ? t.mutedText : t.text);
    cell->setTextAlignment((column == NameColumn ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
}

void SummaryTable::putPair(int row, double a, double b) {
    put(row, AColumn, figure(a));
    put(row, BColumn, figure(b));
    const double ratio = a > 0 ? b / a : std::nan("");
    put(row, RatioColumn, std::isfinite(ratio) ? QString::number(ratio, 'f', 2) : kNone);
    if (ratio < 0.995)
        item(row, RatioColumn)->setForeground(theme().good);
}

void SummaryTable::refresh() {
    const auto* a = stepAt(m_a.get(), m_cursor);
    const auto* b = stepAt(m_b.get(), m_cursor);
    const auto value = [](const StepRecord* step, auto of) { return step ? of(*step) : std::nan(""); };
    const auto name = [&](int row, const QString& text, Provenance from, const QString& tip) {
        const bool computed = from == Provenance::Computed;
        put(row, NameColumn, computed ? text : text + u' ' + provenanceName(from), tip);
    };
    name(HeldRow, tr("held kB"), Provenance::Counted,
         tr("Counted: bytes the cache holds after this step, divided by its tokens"));
    name(MovedFormulaRow, tr("moved kB"), Provenance::Formula,
         tr("Formula: attention bytes this step moves, all layers, without the model's weights"));
    name(MovedCountedRow, tr("moved kB"), Provenance::Counted,
         tr("Counted: the same, as the spans handed to kernels"));
    name(WeightsRow, tr("model MB"), Provenance::Counted,
         tr("Counted: bytes of weights this step reads, scales and zeros included"));
    name(TimedRow, tr("attention µs"), Provenance::Timed, tr("Timed: inside attention kernels, this step"));
    name(KlRow, tr("KL to A, mean nats"), Provenance::Computed,
         tr("Nats per token, over all steps of both runs"));
    name(AgreementRow, tr("top-1 agreement"), Provenance::Computed,
         tr("Share of steps with the same first choice"));

    const auto both = [&](int row, auto of) { putPair(row, value(a, of), value(b, of)); };
    both(HeldRow, [](const StepRecord& s) {
        return kilobytes(s.held.counted.total()) / static_cast<double>(s.position + 1);
    });
    both(MovedFormulaRow, [](const StepRecord& s) { return kilobytes(s.formula.attention()); });
    both(MovedCountedRow, [](const StepRecord& s) { return kilobytes(s.counted.attention()); });
    both(WeightsRow, [](const StepRecord& s) { return kilobytes(s.counted[Component::Weights]) / 1000; });
    both(TimedRow, [](const StepRecord& s) {
        return s.attentionSeconds > 0 ? s.attentionSeconds * 1e6 : std::nan("");
    });
    for (const int row : {KlRow, AgreementRow})
        for (const int column : {AColumn, BColumn, RatioColumn})
            put(row, column, kNone);
    if (m_comparison) {
        put(KlRow, BColumn, QString::number(m_comparison->klMean, 'g', 2),
            tr("largest %1").arg(m_comparison->klMax, 0, 'g', 3));
        put(AgreementRow, BColumn, tr("%1 %").arg(100 * m_comparison->agreement, 0, 'f', 1),
            m_comparison->firstDivergent
                ? tr("first different at position %1").arg(*m_comparison->firstDivergent)
                : tr("the same throughout"));
    }
    setHorizontalHeaderItem(
        NameColumn, new QTableWidgetItem(a || b ? tr("per token, at %1").arg(m_cursor) : tr("per token")));
    for (int column = 0; column < kColumns; ++column) {
        auto* head = horizontalHeaderItem(column);
        head->setFont(uiFont(11));
        head->setForeground(column == AColumn   ? theme().planA
                            : column == BColumn ? theme().planB
                                                : theme().mutedText);
        head->setTextAlignment((column == NameColumn ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
    fitColumns();
}

// Numbers as narrow as they are, so that the names keep their words.
void SummaryTable::fitColumns() {
    const QFontMetrics metrics(numberFont(11));
    for (const int column : {AColumn, BColumn, RatioColumn}) {
        int widest = metrics.horizontalAdvance(QStringLiteral("0.00"));
        for (int row = 0; row < kRows; ++row)
            widest = std::max(widest, metrics.horizontalAdvance(item(row, column)->text()));
        horizontalHeader()->resizeSection(column, widest + 7);
    }
}

void SummaryTable::changeEvent(QEvent* event) {
    QTableWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        refresh();
}

QString SummaryTable::toCsv() const {
    constexpr Provenance kFrom[kRows] = {Provenance::Counted, Provenance::Formula, Provenance::Counted,
                                         Provenance::Counted, Provenance::Timed,   Provenance::Computed,
                                         Provenance::Computed};
    QString csv = QStringLiteral("figure,kind,A,B,B/A\n");
    for (int row = 0; row < kRows; ++row) {
        auto name = item(row, NameColumn)->text();
        if (name.endsWith(provenanceName(kFrom[row])))
            name.chop(provenanceName(kFrom[row]).size() + 1);
        name.remove(u',');
        csv += name + u',' + provenanceName(kFrom[row]);
        for (const int column : {AColumn, BColumn, RatioColumn}) {
            const auto text = item(row, column)->text();
            csv += u',' + (text == kNone ? QString() : text);
        }
        csv += u'\n';
    }
    return csv;
}

QImage SummaryTable::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    image.fill(theme().panel);
    QPainter painter(&image);
    const_cast<SummaryTable*>(this)->QWidget::render(&painter, {}, {}, DrawChildren);
    return image;
}

} // namespace fovea
