#pragma once
// The context menu of every chart, table and picture: copy as image, save as PNG, copy as CSV.

#include <QImage>
#include <QString>

#include <functional>

class QWidget;

namespace fovea {

// `name` is offered as the file's name. Both callbacks are called when the user asks, never before.
void addCopyMenu(QWidget* widget, const QString& name, std::function<QImage()> image,
                 std::function<QString()> csv);

// Writes all of it or nothing; false with a sentence in `error` when the disk is full or the folder is
// closed.
bool savePng(const QImage& image, const QString& path, QString* error);

} // namespace fovea
