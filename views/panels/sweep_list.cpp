#include "views/panels/sweep_list.h"

#include <QEvent>
#include <QHeaderView>

#include <cmath>

#include "core/trace/byte_text.h"
#include "core/trace/evaluation_report.h"
#include "views/panels/copy_menu.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kRowHeight = 21;
enum Column { Plan, Score, Moved, OfDense, HeldBytes, Kl, Agreement, kColumns };

QString text(const std::string& utf8) {
    return QString::fromStdString(utf8);
}

QString bytesText(double bytes) {
    return text(byteText(static_cast<std::int64_t>(std::llround(bytes))));
}

} // namespace

SweepList::SweepList(QWidget* parent) : QTableWidget(0, kColumns, parent) {
    setHorizontalHeaderLabels(
        {tr("plan"), tr("score"), tr("moved/token"), tr("of dense"), tr("held"), tr("KL mean"), tr("top-1")});
    setFrameShape(QFrame::NoFrame);
    setShowGrid(false);
    setEditTriggers(NoEditTriggers);
    setSelectionBehavior(SelectRows);
    setSelectionMode(SingleSelection);
    setWordWrap(false);
    verticalHeader()->hide();
    verticalHeader()->setDefaultSectionSize(kRowHeight);
    horizontalHeader()->setHighlightSections(false);
    horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    horizontalHeader()->setSectionResizeMode(Plan, QHeaderView::Stretch);
    viewport()->setAutoFillBackground(false);
    setStyleSheet(QStringLiteral("QTableWidget { background: transparent; }"
                                 "QHeaderView, QHeaderView::section { background: transparent; border: none;"
                                 " padding: 0 6px 0 2px; }"));
    connect(this, &QTableWidget::cellClicked, this, [this](int row, int) {
        const SweepRow& chosen = m_table.rows[static_cast<std::size_t>(row)];
        if (chosen.refused.empty())
            Q_EMIT planPicked(text(chosen.plan));
    });
    addCopyMenu(
        this, tr("sweep"), [this] { return grab().toImage(); }, [this] { return text(sweepCsv(m_table)); });
}

void SweepList::setTable(const SweepTable& table) {
    m_table = table;
    refresh();
}

void SweepList::refresh() {
    const Theme& t = theme();
    clearSpans();
    setRowCount(static_cast<int>(m_table.rows.size()));
    const SweepRow* dense = m_table.dense();
    for (int r = 0; r < rowCount(); ++r) {
        const SweepRow& row = m_table.rows[static_cast<std::size_t>(r)];
        const auto put = [&](int column, const QString& what, const QColor& colour) {
            auto* cell = new QTableWidgetItem(what);
            cell->setFont(column == Plan ? uiFont(11) : numberFont(11));
            cell->setForeground(colour);
            cell->setToolTip(column == Plan ? text(row.plan) : what);
            cell->setTextAlignment((column == Plan ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
            setItem(r, column, cell);
        };
        if (!row.refused.empty()) {
            put(Plan, text(row.plan), t.mutedText);
            put(Score, tr("skipped: %1").arg(text(row.refused)), t.mutedText);
            item(r, Score)->setFont(uiFont(11));
            item(r, Score)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
            setSpan(r, Score, 1, kColumns - 1);
            continue;
        }
        put(Plan, text(row.plan), t.text);
        put(Score, text(scoreText(row.score.mean, row.score.standardError)), t.text);
        put(Moved, bytesText(row.moved.counted), t.text);
        put(OfDense,
            dense && dense->moved.counted > 0
                ? QString::number(row.moved.counted / dense->moved.counted, 'f', 3)
                : QStringLiteral("–"),
            t.text);
        put(HeldBytes, bytesText(row.held.counted), t.text);
        put(Kl, QString::number(row.klMean, 'g', 3), t.text);
        put(Agreement, tr("%1 %").arg(100 * row.agreement, 0, 'f', 1), t.text);
    }
    for (int c = 0; c < kColumns; ++c) {
        QTableWidgetItem* head = horizontalHeaderItem(c);
        head->setFont(uiFont(11));
        head->setForeground(t.mutedText);
        head->setTextAlignment((c == Plan ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
}

void SweepList::changeEvent(QEvent* event) {
    QTableWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        refresh();
}

} // namespace fovea
