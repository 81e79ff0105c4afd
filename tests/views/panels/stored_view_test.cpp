#include "views/panels/stored_view.h"

#include <catch2/catch.hpp>

#include <QApplication>
#include <QDir>
#include <QHelpEvent>
#include <QSignalSpy>
#include <QTest>
#include <QToolTip>

#include <cmath>
#include <random>

#include "views/panels/stored_paint.h"
#include "views/svg_device.h"
#include "views/theme.h"

using namespace fovea;

namespace {

constexpr QSize kSize(700, 600);

// Four levels of eight channels a token: −1.5, −.5, .5, 1.5; the error is largest at (token 5, channel 3).
StoredPart part(std::int64_t tokens, bool keys) {
    constexpr int d = 8;
    StoredPart p{.tokens = tokens, .channels = d};
    p.levels = {.endToken = tokens, .channels = d, .channelsPerGroup = d, .perGroup = 4, .levels = {}};
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (const float level : {-1.5f, -.5f, .5f, 1.5f})
            p.levels.levels.push_back(level);
        for (int c = 0; c < d; ++c) {
            p.exact.push_back(.5f + (t == 5 && c == 3 ? .4f : .01f * static_cast<float>(c)));
            p.held.push_back(.5f);
        }
    }
    p.mostError = .9f - .5f, p.relativeError = .12, p.bits = 3.75;
    p.channelError.assign(d, .1f);
    p.sizes.assign(d, {1.f, .5f});
    if (keys)
        p.before.assign(d, {2.f, 1.f});
    p.histogram = {.first = -2, .last = 2, .counts = std::vector<std::int64_t>(16, 3)};
    p.outliers = {.below = -1, .above = 1, .count = 4, .perChannel = {0, 0, 3, 0, 0, 1, 0, 0}};
    return p;
}

std::shared_ptr<const StoredHead> head(std::int64_t tokens = 12) {
    auto made = std::make_shared<StoredHead>();
    made->keys = part(tokens, true);
    made->values = part(tokens, false);
    return made;
}

QPoint cell(const StoredColumn& column, double token, double channel, double tokens) {
    return QPointF(column.map.left() + (token + .5) / tokens * column.map.width(),
                   column.map.top() + (channel + .5) / 8 * column.map.height())
        .toPoint();
}

std::string drawn(const StoredView& view) {
    SvgDevice device(kSize, "quantisation");
    QPainter painter(&device);
    view.paintInto(painter, kSize);
    painter.end();
    return device.svg();
}

int pixels(const QImage& image, const QRectF& area, const QColor& colour) {
    int n = 0;
    const QRect whole = area.toAlignedRect();
    for (int y = whole.top(); y <= whole.bottom(); ++y)
        for (int x = whole.left(); x <= whole.right(); ++x)
            n += image.pixelColor(x, y) == colour ? 1 : 0;
    return n;
}

} // namespace

TEST_CASE("The largest error has the legend's last colour, and what is exact its first", "[views.panels]") {
    StoredView view;
    view.setHead(head());
    const QImage image = view.renderToImage(kSize);
    const StoredLayout layout = storedLayout(kSize);
    const ColourTable& table = colourTable(ColourMap::Viridis);
    for (const StoredColumn* column : {&layout.keys, &layout.values}) {
        CHECK(image.pixel(cell(*column, 5, 3, 12)) == table[255]);
        CHECK(image.pixel(cell(*column, 2, 0, 12)) == table[0]);
        CHECK(image.pixel(cell(*column, 2, 7, 12)) == table[static_cast<std::size_t>(255 * .07 / .4)]);
    }
    // Of many tokens in a pixel the largest error is seen.
    view.setHead(head(5000));
    const QImage dense = view.renderToImage(kSize);
    const QRectF first(layout.keys.map.left(), cell(layout.keys, 0, 3, 12).y(), 3, 1);
    CHECK(pixels(dense, first, QColor(table[255])) > 0);
    CHECK(drawn(view).find("the largest of") != std::string::npos);
}

TEST_CASE("Before and after RoPE are told apart for keys, and levels, bounds and bits said in words",
          "[views.panels]") {
    StoredView view;
    view.setHead(head());
    const std::string text = drawn(view);
    for (const char* said : {"before RoPE", "after RoPE", "|v| of each channel", "3.75 bits per number",
                             "relative error 12 %", "largest 0.4", "the 4 levels of token 11, channels 0–7",
                             "outside -1", ": 4.2 %", "2 (75 %), 5 (25 %)"}) {
        INFO(said);
        CHECK(text.find(said) != std::string::npos);
    }
    const QImage image = view.renderToImage(kSize);
    const StoredLayout layout = storedLayout(kSize);
    // Twice as high before RoPE as after, on one scale.
    const int before = pixels(image, layout.keys.before, theme().planA),
              after = pixels(image, layout.keys.after, theme().planA);
    CHECK(after > 100);
    CHECK(before == Approx(2 * after).epsilon(.1));
    // Outliers are those of the numbers that are rounded: after RoPE here.
    CHECK(pixels(image, layout.keys.before, theme().warning) == 0);
    CHECK(pixels(image, layout.keys.after, theme().warning) > 10);
}

TEST_CASE("Floats and exact tokens have no levels, and an exact store no error", "[views.panels]") {
    auto made = std::make_shared<StoredHead>(*head());
    made->keys.levels = {};
    made->values.levels.endToken = 6;
    made->keys.held = made->keys.exact;
    made->keys.mostError = 0, made->keys.relativeError = 0;
    StoredView view;
    view.setHead(made);
    const std::string text = drawn(view);
    CHECK(text.find("there are no levels to show") != std::string::npos);
    CHECK(text.find("token 11 is held as it is") != std::string::npos);
    CHECK(text.find("held exactly as it came") != std::string::npos);
    view.setToken(3);
    CHECK(drawn(view).find("levels of token 3") != std::string::npos);
}

TEST_CASE("A click and the arrows pick token and channel, and only a new token is told", "[views.panels]") {
    StoredView view;
    view.resize(kSize);
    view.setHead(head());
    view.show();
    QSignalSpy picked(&view, &StoredView::tokenPicked);
    const StoredLayout layout = storedLayout(view.size());
    QTest::mouseClick(&view, Qt::LeftButton, {}, cell(layout.values, 4, 6, 12));
    REQUIRE(picked.size() == 1);
    CHECK(picked[0][0].toLongLong() == 4);
    CHECK(view.channel() == 6);
    QTest::mouseClick(&view, Qt::LeftButton, {}, layout.keys.after.center().toPoint());
    CHECK(picked.size() == 1);
    CHECK(view.channel() == 4);
    QTest::keyClick(&view, Qt::Key_Left);
    CHECK(view.token() == 3);
    QTest::keyClick(&view, Qt::Key_Up);
    CHECK(view.channel() == 3);
    CHECK(picked.size() == 2);
    view.setToken(-1);
    QTest::keyClick(&view, Qt::Key_Right);
    CHECK(view.token() == 11); // there is none after the newest
    CHECK(picked.size() == 2);
    QHelpEvent help(QEvent::ToolTip, cell(layout.keys, 5, 3, 12),
                    view.mapToGlobal(cell(layout.keys, 5, 3, 12)));
    QApplication::sendEvent(&view, &help);
    CHECK(QToolTip::text().contains("x = 0.9, held as 0.5, error 0.4"));
}

TEST_CASE("An empty quantisation view says what to do, and a narrow one stacks its parts", "[views.panels]") {
    StoredView view;
    CHECK(drawn(view).find("Press Run (F5)") != std::string::npos);
    CHECK(view.toCsv().count('\n') == 1);
    view.setHead(head());
    CHECK(view.toCsv().count('\n') == 1 + 2 * 8);
    CHECK(view.toCsv().contains("keys,2,3.75,0.12,0.1"));
    CHECK(view.toCsv().contains("values,2,3.75,0.12,0.100000001,,,1,0.5,3"));
    const StoredLayout narrow = storedLayout(QSizeF(320, 1000)), wide = storedLayout(QSizeF(700, 600));
    CHECK(narrow.values.caption.top() > narrow.keys.footer.bottom() - 1);
    CHECK(wide.values.map.top() == wide.keys.map.top());
    CHECK(wide.values.map.left() > wide.keys.bar.right());
    CHECK(storedHeight(320) == 2 * storedHeight(700));
}

TEST_CASE("Previews of the quantisation view, narrow and empty", "[.panels-preview]") {
    const QString folder = QStringLiteral(FOVEA_SOURCE_DIR "/out/preview/");
    QDir().mkpath(folder);
    StoredView view;
    REQUIRE(view.renderToImage(QSize(320, 300)).save(folder + "quantisation_empty.png"));
    view.setHead(head(900));
    REQUIRE(view.renderToImage(QSize(320, storedHeight(320))).save(folder + "quantisation_narrow.png"));
}
