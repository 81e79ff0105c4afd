// Pictures as PNG, SVG and PDF come from one drawing: text stays text, and nothing is seen beyond its edge.
#include <catch2/catch.hpp>

#include <QAction>
#include <QPainter>
#include <QXmlStreamReader>

#include <set>

#include "app/window/export_actions.h"
#include "app/window/exports.h"
#include "tests/app/window/window_fixture.h"
#include "views/svg_device.h"

using namespace fovea;
using namespace fovea::test;

namespace {

struct Elements {
    bool whole = false;
    QMap<QString, int> count;
    QString text;
    QList<QRectF> clips;
};

Elements read(const std::string& svg) {
    Elements all;
    QXmlStreamReader xml(QByteArray::fromStdString(svg));
    while (!xml.atEnd()) {
        xml.readNext();
        if (xml.isStartElement())
            ++all.count[xml.name().toString()];
        if (xml.isCharacters())
            all.text += xml.text();
    }
    INFO(xml.errorString().toStdString());
    all.whole = !xml.hasError();
    return all;
}

std::string drawn(const std::function<void(QPainter&)>& paint) {
    SvgDevice device({200, 100}, "a <title> & \"more\"");
    QPainter painter(&device);
    paint(painter);
    painter.end();
    return device.svg();
}

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("SVG: text is text, whatever its characters", "[window][export]") {
    const std::string svg = drawn([](QPainter& p) {
        p.setPen(Qt::red);
        p.drawText(10, 20, QStringLiteral("a < b & \"c\"") + QChar(1) + QStringLiteral(" ä"));
    });
    const Elements all = read(svg);
    CHECK(all.whole);
    CHECK(all.count["text"] >= 1);
    CHECK(all.text.contains("a < b & \"c\""));
    CHECK(contains(svg, "fill=\"#ff0000\""));
    CHECK(contains(svg, "<title>a &lt;title&gt; &amp; &quot;more&quot;</title>"));
}

TEST_CASE("SVG: a clip holds for what is drawn under it, is narrowed by the next, and ends with restore",
          "[window][export]") {
    const std::string svg = drawn([](QPainter& p) {
        p.fillRect(0, 0, 5, 5, Qt::black);
        p.save();
        p.setClipRect(10, 10, 50, 50);
        p.fillRect(0, 0, 200, 100, Qt::red);
        p.setClipRect(QRect(40, 40, 50, 50), Qt::IntersectClip);
        p.fillRect(0, 0, 200, 100, Qt::green);
        p.setClipRect(QRect(0, 0, 5, 5), Qt::IntersectClip); // nothing is left
        p.fillRect(0, 0, 200, 100, Qt::yellow);
        p.restore();
        p.fillRect(0, 0, 5, 5, Qt::blue);
    });
    const Elements all = read(svg);
    CHECK(all.whole);
    CHECK(all.count["clipPath"] == 2);
    const auto at = [&](const char* part) { return svg.find(part); };
    const auto first = at("clip-path=\"url(#c1)\""), second = at("clip-path=\"url(#c2)\"");
    CHECK(at("#000000") < first);
    CHECK(first < at("#ff0000"));
    CHECK(at("#ff0000") < second);
    CHECK(second < at("#008000"));
    CHECK_FALSE(contains(svg, "#ffff00"));
    CHECK(svg.rfind("</g>") < at("#0000ff"));
    // The second is the first's corner that both have.
    CHECK(contains(svg, "<clipPath id=\"c2\"><path d=\"M40,40 L60,40 L60,60 L40,60 L40,40\"/>"));
}

TEST_CASE("SVG: pens, dashes, transforms, opacity and images", "[window][export]") {
    const std::string svg = drawn([](QPainter& p) {
        QPen pen(QColor(1, 2, 3, 51), 2, Qt::CustomDashLine, Qt::FlatCap);
        pen.setDashPattern({4, 3});
        p.translate(5, 6);
        p.setPen(pen);
        p.drawLine(0, 0, 10, 0);
        p.setOpacity(0.5);
        QImage image(2, 2, QImage::Format_RGB32);
        image.fill(Qt::red);
        p.drawImage(QRectF(1, 2, 20, 30), image);
    });
    CHECK(read(svg).whole);
    CHECK(contains(svg, "stroke=\"#010203\" stroke-opacity=\"0.2\" stroke-width=\"2\""));
    CHECK(contains(svg, "stroke-dasharray=\"8,6\""));
    CHECK(contains(svg, "transform=\"matrix(1,0,0,1,5,6)\""));
    CHECK(contains(svg, "opacity=\"0.5\""));
    CHECK(contains(svg, "<image x=\"1\" y=\"2\" width=\"20\" height=\"30\""));
    CHECK(contains(svg, "data:image/png;base64,"));
}

TEST_CASE("Every view and the window export as PNG, SVG and PDF, with their text", "[window][export]") {
    WindowFixture f;
    REQUIRE(f.run(16));
    TemporaryFolder out;
    const auto path = [&](const QString& name) { return QString::fromStdString((out / name.toStdString()).string()); };
    ExportActions& exports = f.window->exports();
    for (const char* ending : {".png", ".svg", ".pdf"}) {
        exports.saveWindow(path(QStringLiteral("window") + ending));
        for (const QString& view : pictureNames())
            exports.savePicture(view, path(view + ending));
    }
    REQUIRE(f.rest());
    const QMap<QString, QString> words{{"window", "Timelines"}, {"head_map", "key position"}, {"atlas", "KV head 0"},
                                       {"inspector", "component"}, {"timelines", "KV held"},
                                       {"token_strip", "q"},       {"plan_panel", "SHARE"}};
    for (auto it = words.begin(); it != words.end(); ++it) {
        INFO(it.key().toStdString());
        const std::string name = it.key().toStdString();
        CHECK_FALSE(QImage(path(it.key() + ".png")).isNull());
        const std::string svg = contentOf(out / (name + ".svg"));
        const Elements all = read(svg);
        CHECK(all.whole);
        CHECK(all.count["text"] > 3);
        CHECK(all.text.contains(it.value()));
        const std::string pdf = contentOf(out / (name + ".pdf"));
        CHECK(pdf.starts_with("%PDF-"));
        CHECK(contains(pdf, "/Font"));
        CHECK(contains(pdf, "%%EOF"));
    }
    CHECK(out.entries() == 33);
}

TEST_CASE("Pictures are of the view's size, in pixels, units and points", "[window][export]") {
    WindowFixture f;
    const Picture picture = pictureOf(f.window->views(), "timelines");
    CHECK(imageOf(picture).size() == picture.size * 2);
    const std::string size = "width=\"" + std::to_string(picture.size.width()) + "\" height=\"" +
                             std::to_string(picture.size.height()) + "\"";
    CHECK(contains(svgOf(picture), size.c_str()));
    CHECK(formatOf("a.PDF") == PictureFormat::Pdf);
    CHECK(formatOf("a.svg") == PictureFormat::Svg);
    CHECK(formatOf("a") == PictureFormat::Png);
}
