#include "views/panels/copy_menu.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QMessageBox>
#include <QSaveFile>
#include <QWidget>

namespace fovea {

bool savePng(const QImage& image, const QString& path, QString* error) {
    QSaveFile file(path);
    // commit() renames a finished file into place: a full disk leaves what was there before.
    if (file.open(QIODevice::WriteOnly) && image.save(&file, "PNG") && file.commit())
        return true;
    if (error)
        *error = QObject::tr("%1 was not written: %2").arg(path, file.errorString());
    return false;
}

void addCopyMenu(QWidget* widget, const QString& name, std::function<QImage()> image,
                 std::function<QString()> csv) {
    const auto add = [widget](const QString& text, auto act) {
        auto* action = new QAction(text, widget);
        QObject::connect(action, &QAction::triggered, widget, act);
        widget->addAction(action);
    };
    add(QObject::tr("Copy as image"), [image] { QApplication::clipboard()->setImage(image()); });
    add(QObject::tr("Save PNG…"), [widget, name, image] {
        const auto path =
            QFileDialog::getSaveFileName(widget, QObject::tr("Save %1").arg(name),
                                         name + QStringLiteral(".png"), QObject::tr("PNG images (*.png)"));
        QString error;
        if (!path.isEmpty() && !savePng(image(), path, &error))
            QMessageBox::warning(widget, QObject::tr("Save %1").arg(name), error);
    });
    add(QObject::tr("Copy as CSV"), [csv] { QApplication::clipboard()->setText(csv()); });
    widget->setContextMenuPolicy(Qt::ActionsContextMenu);
}

} // namespace fovea
