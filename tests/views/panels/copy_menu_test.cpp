#include <catch2/catch.hpp>

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QWidget>

#include "views/panels/copy_menu.h"

using namespace fovea;

TEST_CASE("The menu copies the picture and the numbers", "[views.panels]") {
    QWidget widget;
    int asked = 0;
    addCopyMenu(
        &widget, "thing",
        [&] {
            ++asked;
            QImage image(3, 2, QImage::Format_RGB32);
            image.fill(Qt::red);
            return image;
        },
        [] { return QStringLiteral("a,b\n1,2\n"); });
    CHECK(asked == 0);
    REQUIRE(widget.actions().size() == 3);
    widget.actions()[0]->trigger();
    CHECK(asked == 1);
    CHECK(QApplication::clipboard()->image().size() == QSize(3, 2));
    widget.actions()[2]->trigger();
    CHECK(QApplication::clipboard()->text() == "a,b\n1,2\n");
}

TEST_CASE("A PNG is written whole or not at all", "[views.panels]") {
    QTemporaryDir folder;
    QImage image(30, 20, QImage::Format_RGB32);
    image.fill(Qt::blue);
    QString error;
    CHECK(savePng(image, folder.filePath("a.png"), &error));
    CHECK(QImage(folder.filePath("a.png")).size() == QSize(30, 20));
    CHECK_FALSE(savePng(image, folder.filePath("no/such/folder/a.png"), &error));
    CHECK(error.contains("a.png"));
    CHECK_FALSE(savePng(QImage(), folder.filePath("a.png"), &error));
    CHECK(QImage(folder.filePath("a.png")).size() == QSize(30, 20)); // the old one is still there
    CHECK(QDir(folder.path()).entryList(QDir::Files).size() == 1);
}
