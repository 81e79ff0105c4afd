#include "views/panels/study_list.h"

#include <QEvent>

#include <cmath>

#include "core/study/study_report.h"
#include "core/study/study_table.h"
#include "core/trace/byte_text.h"
#include "views/panels/copy_menu.h"
#include "views/panels/flat_table.h"
#include "views/theme.h"

namespace fovea {

namespace {

enum Column { NameColumn, MethodColumn, PlanColumn, BytesColumn, OfDenseColumn, kFirstLoss };

QString text(const std::string& utf8) {
    return QString::fromStdString(utf8);
}

} // namespace

StudyList::StudyList(QWidget* parent) : QTableWidget(0, kFirstLoss, parent) {
    makeFlatTable(*this, PlanColumn);
    refresh();
    connect(this, &QTableWidget::cellClicked, this, [this](int row, int) {
        const StudyPlan& plan = m_result->plans[static_cast<std::size_t>(row)];
        if (bytesRead(*m_result, plan.plan))
            Q_EMIT planPicked(text(plan.plan));
    });
    addCopyMenu(
        this, tr("study"), [this] { return grab().toImage(); },
        [this] { return m_result ? text(studyCsv(*m_result)) : QString(); });
}

void StudyList::setStudy(std::shared_ptr<const StudyResult> result, const StudyRule& rule,
                         const QString& advised) {
    m_result = std::move(result);
    m_rule = rule;
    m_advised = advised;
    refresh();
}

void StudyList::put(int row, int column, const QString& what, const QColor& colour, const QString& tip) {
    auto* cell = new QTableWidgetItem(what);
    const bool words = column <= PlanColumn;
    const bool advised =
        !m_advised.isEmpty() && text(m_result->plans[static_cast<std::size_t>(row)].plan) == m_advised;
    QFont font = words ? uiFont(11, advised) : numberFont(11);
    font.setBold(advised);
    cell->setFont(font);
    cell->setForeground(colour);
    cell->setToolTip(tip.isEmpty() ? what : tip);
    cell->setTextAlignment((words ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    setItem(row, column, cell);
}

void StudyList::fillRow(int row, const StudyPlan& plan) {
    const Theme& t = theme();
    const auto bytes = bytesRead(*m_result, plan.plan), dense = bytesRead(*m_result, "dense");
    const std::string why = refusalOf(*m_result, plan.plan);
    const QColor colour = bytes ? t.text : t.mutedText;
    put(row, NameColumn, text(plan.label), colour);
    put(row, MethodColumn, text(plan.method), colour);
    put(row, PlanColumn, text(plan.plan), t.mutedText);
    if (!bytes) {
        if (!why.empty())
            put(row, PlanColumn, tr("skipped: %1").arg(text(briefRefusal(*m_result, plan.plan))), t.mutedText,
                text(why));
        setSpan(row, PlanColumn, 1, columnCount() - PlanColumn);
        return;
    }
    put(row, BytesColumn, text(byteText(static_cast<std::int64_t>(std::llround(bytes->total())))), colour,
        tr("%1 of weights and %2 of attention per token, counted")
            .arg(text(byteText(static_cast<std::int64_t>(std::llround(bytes->weights)))),
                 text(byteText(static_cast<std::int64_t>(std::llround(bytes->attention))))));
    if (dense && dense->total() > 0)
        put(row, OfDenseColumn, QString::number(bytes->total() / dense->total(), 'f', 3), colour);
    int column = kFirstLoss;
    for (const StudyQuestion& question : questionsOf(*m_result)) {
        if (const auto loss = lossOf(*m_result, question, plan.plan)) {
            const bool beyond = loss->share + m_rule.errors * loss->error > m_rule.within;
            put(row, column,
                (question.silent.empty() && beyond ? QStringLiteral("▲ ") : QString()) +
                    text(lossText(*loss)),
                !question.silent.empty() ? t.mutedText
                : beyond                 ? t.bad
                                         : t.text,
                question.silent.empty()
                    ? tr("%1: loss in per cent of dense's %2, ± its standard error (one sample has none)")
                          .arg(text(question.name), QString::number(question.dense, 'g', 4))
                    : tr("says nothing: %1").arg(text(question.silent)));
        }
        ++column;
    }
}

void StudyList::refresh() {
    clearSpans();
    clearContents();
    QStringList heads = {tr("bits"), tr("method"), tr("plan"), tr("read/token"), tr("of dense")};
    if (m_result)
        for (const StudyQuestion& question : questionsOf(*m_result))
            heads << text(question.brief) + QStringLiteral(" %");
    setColumnCount(static_cast<int>(heads.size()));
    setHorizontalHeaderLabels(heads);
    colourFlatHeader(*this, PlanColumn);
    for (const int column : {NameColumn, MethodColumn})
        horizontalHeaderItem(column)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    setRowCount(m_result ? static_cast<int>(m_result->plans.size()) : 0);
    for (int row = 0; row < rowCount(); ++row)
        fillRow(row, m_result->plans[static_cast<std::size_t>(row)]);
}

void StudyList::changeEvent(QEvent* event) {
    QTableWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        refresh();
}

} // namespace fovea
