#include "views/panels/sweep_list.h"

#include <QEvent>

#include <cmath>

#include "core/trace/byte_text.h"
#include "core/trace/evaluation_report.h"
#include "views/panels/copy_menu.h"
#include "views/panels/flat_table.h"
#include "views/theme.h"

namespace fovea {

namespace {

enum Column {
    PlanColumn,
    ScoreColumn,
    MovedColumn,
    OfDenseColumn,
    HeldColumn,
    KlColumn,
    AgreementColumn,
    kColumns
};

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
    makeFlatTable(*this, PlanColumn);
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
            cell->setFont(column == PlanColumn ? uiFont(11) : numberFont(11));
            cell->setForeground(colour);
            cell->setToolTip(column == PlanColumn ? text(row.plan) : what);
            cell->setTextAlignment((column == PlanColumn ? Qt::AlignLeft : Qt::AlignRight) |
                                   Qt::AlignVCenter);
            setItem(r, column, cell);
        };
        if (!row.refused.empty()) {
            put(PlanColumn, text(row.plan), t.mutedText);
            put(ScoreColumn, tr("skipped: %1").arg(text(row.refused)), t.mutedText);
            item(r, ScoreColumn)->setFont(uiFont(11));
            item(r, ScoreColumn)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
            setSpan(r, ScoreColumn, 1, kColumns - 1);
            continue;
        }
        put(PlanColumn, text(row.plan), t.text);
        put(ScoreColumn, text(scoreText(row.score, m_table.arguments.samples)), t.text);
        put(MovedColumn, bytesText(row.moved.counted), t.text);
        put(OfDenseColumn,
            dense && dense->moved.counted > 0
                ? QString::number(row.moved.counted / dense->moved.counted, 'f', 3)
                : QStringLiteral("–"),
            t.text);
        put(HeldColumn, bytesText(row.held.counted), t.text);
        put(KlColumn, QString::number(row.klMean, 'g', 3), t.text);
        put(AgreementColumn, tr("%1 %").arg(100 * row.agreement, 0, 'f', 1), t.text);
    }
    colourFlatHeader(*this, PlanColumn);
}

void SweepList::changeEvent(QEvent* event) {
    QTableWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        refresh();
}

} // namespace fovea
