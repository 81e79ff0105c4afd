#pragma once
// The keys that a view hears while it has the focus, and what a mouse does in it, for the sheet of keys. A test holds
// the keys against the views: each that is listed is heard, and none is heard that is not listed.

#include <QList>
#include <QString>

#include <utility>

namespace fovea {

struct ViewKey {
    QList<int> keys; // Qt::Key, one row of the sheet
    QString what;
};

struct ViewKeys {
    QString view; // as its panel is called
    QList<ViewKey> keys;
    QList<std::pair<QString, QString>> mouse; // gesture, what it does
};

const QList<ViewKeys>& viewKeys();

} // namespace fovea
