#include "app/window/key_sheet.h"

#include <QAction>
#include <QCoreApplication>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>
#include <QScrollArea>

#include <algorithm>

#include "app/window/window_actions.h"
#include "views/theme.h"
#include "views/view_keys.h"

namespace fovea {

namespace {

constexpr int kColumns = 3, kColumnWidth = 330;

QString plain(QString text) {
    text.remove(QLatin1Char('&'));
    while (text.endsWith(QChar(u'…')))
        text.chop(1);
    return text;
}

QString keysOf(const QAction& action) {
    QStringList keys;
    for (const QKeySequence& sequence : action.shortcuts())
        keys << sequence.toString(QKeySequence::NativeText);
    return keys.join(QStringLiteral(", "));
}

void addActions(const QList<QAction*>& actions, QList<const QAction*>& known, KeyGroup& group) {
    for (const QAction* action : actions) {
        if (action->menu()) {
            addActions(action->menu()->actions(), known, group);
            continue;
        }
        if (action->shortcuts().isEmpty() || known.contains(action))
            continue;
        known << action;
        group.rows << KeyRow{keysOf(*action), plain(action->text())};
    }
}

KeyGroup groupOf(const ViewKeys& view) {
    KeyGroup group{view.view, {}};
    for (const ViewKey& key : view.keys) {
        QStringList names;
        for (const int code : key.keys)
            names << QKeySequence(code).toString(QKeySequence::NativeText);
        group.rows << KeyRow{names.join(QStringLiteral(", ")), key.what};
    }
    for (const auto& [gesture, what] : view.mouse)
        group.rows << KeyRow{gesture, what};
    return group;
}

QWidget* widgetOf(const KeyGroup& group) {
    auto* widget = new QWidget;
    auto* grid = new QGridLayout(widget);
    grid->setContentsMargins(0, 0, 0, 10);
    grid->setHorizontalSpacing(14);
    grid->setVerticalSpacing(3);
    grid->setColumnStretch(1, 1);
    auto* title = new QLabel(group.title);
    title->setProperty("role", "title");
    grid->addWidget(title, 0, 0, 1, 2);
    int row = 1;
    for (const KeyRow& line : group.rows) {
        auto* keys = new QLabel(line.keys);
        keys->setFont(uiFont(11, true));
        keys->setMinimumWidth(110);
        auto* what = new QLabel(line.what);
        what->setProperty("role", "muted");
        what->setWordWrap(true);
        grid->addWidget(keys, row, 0, Qt::AlignTop);
        grid->addWidget(what, row++, 1, Qt::AlignTop);
    }
    return widget;
}

} // namespace

QList<KeyGroup> keyGroups(const QMainWindow& window) {
    QList<KeyGroup> groups;
    QList<const QAction*> known;
    for (const QAction* menu : window.menuBar()->actions()) {
        if (!menu->menu())
            continue;
        KeyGroup group{plain(menu->text()), {}};
        addActions(menu->menu()->actions(), known, group);
        if (!group.rows.isEmpty())
            groups << group;
    }
    KeyGroup rest{QCoreApplication::translate("fovea::KeySheet", "Window"), {}};
    addActions(listedActions(window), known, rest);
    if (!rest.rows.isEmpty())
        groups << rest;
    for (const ViewKeys& view : viewKeys())
        groups << groupOf(view);
    return groups;
}

// Groups go into the shortest of the columns so far, in their order.
KeySheet::KeySheet(const QList<KeyGroup>& groups, QWidget* parent) : QDialog(parent) {
    setObjectName(QStringLiteral("keySheet"));
    setWindowTitle(tr("Keys"));
    auto* content = new QWidget;
    auto* columns = new QHBoxLayout(content);
    columns->setContentsMargins(18, 14, 18, 6);
    columns->setSpacing(28);
    QVBoxLayout* column[kColumns];
    int rows[kColumns] = {};
    for (QVBoxLayout*& next : column) {
        next = new QVBoxLayout;
        columns->addLayout(next, 1);
    }
    for (const KeyGroup& group : groups) {
        const auto shortest = std::min_element(rows, rows + kColumns) - rows;
        column[shortest]->addWidget(widgetOf(group));
        rows[shortest] += static_cast<int>(group.rows.size()) + 2;
    }
    for (QVBoxLayout* next : column)
        next->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidget(content);
    auto* whole = new QVBoxLayout(this);
    whole->setContentsMargins(0, 0, 0, 0);
    whole->addWidget(scroll);
    resize(kColumns * kColumnWidth + 90, 620);
}

} // namespace fovea
