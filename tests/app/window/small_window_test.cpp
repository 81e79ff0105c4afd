// What a projector leaves of a screen: 1280 × 720 less a task bar, and less than that.
#include <catch2/catch.hpp>

#include <QEvent>
#include <QImage>
#include <QLabel>
#include <QToolButton>

#include "app/window/elided_label.h"
#include "app/window/run_toolbar.h"
#include "tests/app/window/window_fixture.h"
#include "views/panels/inspector.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr QSize kSmall(1050, 700);

// The widest and highest that a window became.
struct LargestSize : QObject {
    QSize size;
    bool eventFilter(QObject* object, QEvent* event) override {
        if (event->type() == QEvent::Resize)
            size = size.expandedTo(static_cast<QWidget*>(object)->size());
        return false;
    }
};

bool isOneColour(const QImage& image) {
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
            if (image.pixel(x, y) != image.pixel(0, 0))
                return false;
    return true;
}

} // namespace

TEST_CASE("The window fits a small screen, before, during and after a run", "[window][small]") {
    WindowFixture f;
    LargestSize largest;
    f.window->installEventFilter(&largest);
    f.window->resize(kSmall);
    pump(50);
    REQUIRE(f.run());
    pump(50);
    const auto same = [](QSize a, QSize b) { return a.width() == b.width() && a.height() == b.height(); };
    CHECK(same(f.window->size(), kSmall));
    CHECK(same(largest.size, kSmall)); // what is said of a job at work widens it no more than a result does
    // The inspector scrolls instead of being drawn over what lies below.
    const Inspector& inspector = *f.window->views().inspector;
    CHECK(inspector.height() >= inspector.minimumSizeHint().height());
}

TEST_CASE("What the toolbar has no room for stands behind a sign that can be seen", "[window][small]") {
    WindowFixture f;
    f.window->resize(kSmall);
    pump(50);
    auto* more = f.window->findChild<QToolButton*>("qt_toolbar_ext_button");
    REQUIRE(more);
    REQUIRE(more->isVisible());
    CHECK_FALSE(isOneColour(more->grab().toImage().copy(2, 2, more->width() - 4, more->height() - 4)));
    f.window->resize(1680, 1050);
    pump(50);
    CHECK_FALSE(more->isVisible());
}

TEST_CASE("A line that yields is as wide as its text, or ends in an ellipsis", "[window][small]") {
    ElidedLabel label;
    label.setText(QString(40, u'm'));
    const QSize whole = label.sizeHint();
    CHECK(label.minimumSizeHint().width() < whole.width() / 4);
    label.resize(whole);
    const QImage all = label.grab().toImage();
    label.resize(whole.width() / 2, whole.height());
    const QImage half = label.grab().toImage();
    // Cut off, its left half would be the same.
    CHECK(half != all.copy(half.rect()));
    CHECK(half.copy(0, 0, half.width() / 2, half.height()) ==
          all.copy(0, 0, half.width() / 2, half.height()));
}
