#include <catch2/catch.hpp>

#include <QApplication>
#include <QElapsedTimer>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>

#include "views/theme.h"
#include "views/tokens/token_strip.h"

using namespace fovea;

namespace {

std::vector<TokenCell> someTokens(int count) {
    std::vector<TokenCell> cells(static_cast<std::size_t>(count));
    const char* words[] = {" the", " old", " count", ",", " rose", "s", " and", " went", "\n"};
    for (int i = 0; i < count; ++i) {
        auto& cell = cells[static_cast<std::size_t>(i)];
        cell.text = QString::fromLatin1(words[i % 9]);
        cell.generated = i >= count / 2;
        cell.chosen = i % 3 == 0;
        cell.measure = static_cast<float>(i % 5);
    }
    return cells;
}

void open(TokenStrip& strip, int count = 400) {
    strip.resize(600, 120);
    strip.show();
    QApplication::processEvents();
    strip.setTokens(someTokens(count));
    QApplication::processEvents();
}

} // namespace

TEST_CASE("What cannot be seen is written as a sign", "[views.tokens]") {
    CHECK(shownToken(QStringLiteral(" oak")).shown == QStringLiteral("oak"));
    CHECK(shownToken(QStringLiteral(" oak")).gap);
    CHECK_FALSE(shownToken(QStringLiteral("oak")).gap);
    CHECK(shownToken(QStringLiteral(" ")).shown == QStringLiteral("·"));
    CHECK(shownToken(QStringLiteral("\n")).shown == QStringLiteral("↵"));
    CHECK(shownToken(QStringLiteral("\n")).breaksLine);
    CHECK(shownToken(QStringLiteral("a\x07")).shown == QStringLiteral("a\\x07"));
    CHECK(shownToken(QString()).shown == QStringLiteral("∅"));
    CHECK(shownToken(QStringLiteral("né")).shown == QStringLiteral("né"));
    CHECK(shownToken(QStringLiteral("🌳")).shown == QStringLiteral("🌳"));
}

TEST_CASE("The middle of every chip belongs to its token; between and below there is none",
          "[views.tokens]") {
    TokenStrip strip;
    open(strip);
    for (const int width : {600, 230}) {
        strip.resize(width, 120);
        QApplication::processEvents();
        QRect before;
        for (int i = 0; i < 400; ++i) {
            const QRect rect = strip.tokenRect(i);
            REQUIRE(strip.tokenAt(rect.center()) == i);
            REQUIRE(rect.right() < strip.viewport()->width());
            REQUIRE_FALSE(rect.intersects(before));
            before = rect;
        }
    }
    CHECK(strip.tokenAt(QPoint(0, 0)) == -1);
    CHECK(strip.tokenAt(QPoint(300, strip.tokenRect(399).bottom() + 50)) == -1);
    CHECK(strip.tokenRect(400).isNull());
}

TEST_CASE("A line break ends its line", "[views.tokens]") {
    TokenStrip strip;
    open(strip);
    CHECK(strip.tokenRect(8).top() == strip.tokenRect(7).top());
    CHECK(strip.tokenRect(9).top() > strip.tokenRect(8).top());
}

TEST_CASE("Click picks, shift-click pins, arrows walk", "[views.tokens]") {
    TokenStrip strip;
    open(strip);
    QSignalSpy picked(&strip, &TokenStrip::tokenPicked), pinned(&strip, &TokenStrip::tokenPinned);
    QTest::mouseClick(strip.viewport(), Qt::LeftButton, {}, strip.tokenRect(12).center());
    REQUIRE(picked.count() == 1);
    CHECK(picked[0][0].toInt() == 12);
    CHECK(strip.query() == 12);
    QTest::mouseClick(strip.viewport(), Qt::LeftButton, Qt::ShiftModifier, strip.tokenRect(5).center());
    CHECK(picked.count() == 1);
    REQUIRE(pinned.count() == 1);
    CHECK(pinned[0][0].toInt() == 5);
    QTest::keyClick(&strip, Qt::Key_Right);
    REQUIRE(picked.count() == 2);
    CHECK(picked[1][0].toInt() == 13);
    QTest::keyClick(&strip, Qt::Key_Home);
    QTest::keyClick(&strip, Qt::Key_Left); // already the first
    CHECK(picked.count() == 3);
}

TEST_CASE("The query is scrolled into view and outlined", "[views.tokens]") {
    TokenStrip strip;
    open(strip);
    CHECK(strip.verticalScrollBar()->maximum() > 0);
    CHECK_FALSE(strip.viewport()->rect().contains(strip.tokenRect(399)));
    strip.setQuery(399);
    const QRect rect = strip.tokenRect(399);
    REQUIRE(strip.viewport()->rect().contains(rect));
    CHECK(strip.tokenAt(rect.center()) == 399);
    const QImage image = strip.viewport()->grab().toImage();
    CHECK(image.pixelColor(rect.center().x(), rect.top()) == theme().accent);
}

TEST_CASE("The colour of a chip follows the measure", "[views.tokens]") {
    TokenStrip strip;
    open(strip);
    const auto corner = [&](int index) {
        return strip.viewport()->grab().toImage().pixelColor(strip.tokenRect(index).topLeft() + QPoint(3, 2));
    };
    CHECK(corner(0) == theme().chosen);
    CHECK(corner(1) == theme().panel);
    strip.setColour(TokenColour::Surprise);
    CHECK(corner(0) == theme().panel); // measure 0
    CHECK(corner(1) != theme().panel);
    CHECK(corner(4) != corner(1)); // the largest measure against the smallest
    strip.setColour(TokenColour::None);
    CHECK(corner(0) == theme().panel);
}

TEST_CASE("The CSV holds every token, quoted", "[views.tokens]") {
    TokenStrip strip;
    auto cells = someTokens(2);
    cells[0].text = QStringLiteral("say \"%1\", twice");
    strip.setTokens(cells);
    CHECK(strip.toCsv() == QStringLiteral("position,token,generated,read,measure\n"
                                          "0,\"say \"\"%1\"\", twice\",0,1,0\n1,\" old\",1,0,1\n"));
}

TEST_CASE("Time of layout and repaint of 2000 tokens", "[views.tokens][timing]") {
    TokenStrip strip;
    open(strip, 10);
    QElapsedTimer timer;
    timer.start();
    strip.setTokens(someTokens(2000));
    const double layout = static_cast<double>(timer.nsecsElapsed()) / 1e6;
    QImage target(strip.size(), QImage::Format_RGB32);
    strip.render(&target);
    timer.restart();
    strip.render(&target);
    WARN("2000 tokens: layout " << layout << " ms, paint " << static_cast<double>(timer.nsecsElapsed()) / 1e6
                                << " ms");
    CHECK(strip.tokenRect(1999).isValid());
}
