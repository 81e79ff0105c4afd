#include "views/panels/flat_table.h"

#include <QHeaderView>
#include <QTableWidget>

#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kRowHeight = 21;

} // namespace

void makeFlatTable(QTableWidget& table, int stretched) {
    table.setFrameShape(QFrame::NoFrame);
    table.setShowGrid(false);
    table.setEditTriggers(QAbstractItemView::NoEditTriggers);
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    table.setSelectionMode(QAbstractItemView::SingleSelection);
    table.setWordWrap(false);
    table.verticalHeader()->hide();
    table.verticalHeader()->setDefaultSectionSize(kRowHeight);
    table.horizontalHeader()->setHighlightSections(false);
    table.horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    table.horizontalHeader()->setSectionResizeMode(stretched, QHeaderView::Stretch);
    table.viewport()->setAutoFillBackground(false);
    table.setStyleSheet(
        QStringLiteral("QTableWidget { background: transparent; }"
                       "QTableWidget::item { padding-left: 10px; }"
                       "QHeaderView, QHeaderView::section { background: transparent; border: none;"
                       " padding: 0 6px 0 2px; }"));
}

void colourFlatHeader(QTableWidget& table, int stretched) {
    for (int column = 0; column < table.columnCount(); ++column) {
        QTableWidgetItem* head = table.horizontalHeaderItem(column);
        head->setFont(uiFont(11));
        head->setForeground(theme().mutedText);
        head->setTextAlignment((column == stretched ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
}

} // namespace fovea
