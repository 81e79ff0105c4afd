#pragma once
// Every key of the window on one sheet, taken from the actions themselves and from what the views say they hear.

#include <QDialog>
#include <QList>
#include <QString>

class QMainWindow;

namespace fovea {

struct KeyRow {
    QString keys, what;
};
struct KeyGroup {
    QString title; // of a menu or a panel
    QList<KeyRow> rows;
};

// The actions' shortcuts by the menu they stand in, then each view's keys and gestures.
QList<KeyGroup> keyGroups(const QMainWindow& window);

class KeySheet : public QDialog {
    Q_OBJECT

public:
    explicit KeySheet(const QList<KeyGroup>& groups, QWidget* parent = nullptr);
};

} // namespace fovea
