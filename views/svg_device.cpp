#include "views/svg_device.h"

#include <QBuffer>
#include <QFontInfo>
#include <QHash>
#include <QPaintEngine>
#include <QPainterPath>
#include <QPixmap>
#include <QTransform>
#include <QtMath>

namespace fovea {

namespace {

constexpr int kDotsPerInch = 96; // what CSS takes a pixel for

QString number(double value) {
    return QString::number(value, 'g', 7);
}

// What XML 1.0 cannot hold, not even escaped, becomes a replacement character: a token may be any bytes.
QString escaped(const QString& text) {
    QString out;
    for (const QChar c : text) {
        const char16_t u = c.unicode();
        if (u == '&')
            out += QLatin1String("&amp;");
        else if (u == '<')
            out += QLatin1String("&lt;");
        else if (u == '>')
            out += QLatin1String("&gt;");
        else if (u == '"')
            out += QLatin1String("&quot;");
        else if ((u < 0x20 && u != '\t' && u != '\n' && u != '\r') || u >= 0xFFFE)
            out += QChar(QChar::ReplacementCharacter);
        else
            out += c;
    }
    return out.isValidUtf16() ? out : QString::fromUtf8(out.toUtf8());
}

QString attribute(const char* name, const QString& value) {
    return QLatin1Char(' ') + QLatin1String(name) + QLatin1String("=\"") + value + QLatin1Char('"');
}

QString matrixOf(const QTransform& t) {
    return QStringLiteral("matrix(%1,%2,%3,%4,%5,%6)")
        .arg(number(t.m11()), number(t.m12()), number(t.m21()), number(t.m22()), number(t.dx()), number(t.dy()));
}

QString dataOf(const QPainterPath& path) {
    QString d;
    const auto point = [&d](const QPainterPath::Element& e) {
        d += number(e.x) + QLatin1Char(',') + number(e.y) + QLatin1Char(' ');
    };
    for (int i = 0; i < path.elementCount(); ++i) {
        const QPainterPath::Element& e = path.elementAt(i);
        switch (e.type) {
        case QPainterPath::MoveToElement:
            d += QLatin1Char('M');
            break;
        case QPainterPath::LineToElement:
            d += QLatin1Char('L');
            break;
        case QPainterPath::CurveToElement:
            d += QLatin1Char('C'); // two CurveToData follow
            break;
        case QPainterPath::CurveToDataElement:
            break;
        }
        point(e);
    }
    return d.trimmed();
}

QString colourAttributes(const char* what, const QColor& colour) {
    QString text = attribute(what, colour.name());
    if (colour.alpha() < 255)
        text += attribute(qPrintable(QLatin1String(what) + QLatin1String("-opacity")), number(colour.alphaF()));
    return text;
}

// The family that was really used comes first, so that the file looks here as it did on screen.
QString familiesOf(const QFont& font) {
    QStringList families{QFontInfo(font).family()};
    for (const QString& family : font.families())
        if (!families.contains(family))
            families << family;
    for (QString& family : families)
        family = QLatin1Char('\'') + family.remove(QLatin1Char('\'')) + QLatin1Char('\'');
    families << (QFontInfo(font).fixedPitch() ? QStringLiteral("monospace") : QStringLiteral("sans-serif"));
    return escaped(families.join(QStringLiteral(", ")));
}

} // namespace

class SvgDevice::Engine final : public QPaintEngine {
public:
    // What is left out here QPainter draws as an image instead.
    Engine()
        : QPaintEngine(PrimitiveTransform | PixmapTransform | AlphaBlend | PainterPaths | Antialiasing |
                       ConstantOpacity | PaintOutsidePaintEvent) {}

    bool begin(QPaintDevice*) override {
        setActive(true);
        return true;
    }
    bool end() override {
        closeClip();
        setActive(false);
        return true;
    }
    Type type() const override { return User; }

    void updateState(const QPaintEngineState& changed) override {
        const DirtyFlags dirty = changed.state();
        if (dirty & DirtyPen)
            m_pen = changed.pen();
        if (dirty & DirtyBrush)
            m_brush = changed.brush();
        if (dirty & DirtyTransform)
            m_transform = changed.transform();
        if (dirty & DirtyOpacity)
            m_opacity = changed.opacity();
        if (dirty & DirtyHints)
            m_hints = changed.renderHints();
        if (dirty & DirtyClipEnabled)
            m_clipEnabled = changed.isClipEnabled();
        if (dirty & DirtyClipPath)
            clip(changed.transform().map(changed.clipPath()), changed.clipOperation());
        if (dirty & DirtyClipRegion) {
            QPainterPath path;
            path.addRegion(changed.clipRegion());
            clip(changed.transform().map(path), changed.clipOperation());
        }
    }

    void drawPath(const QPainterPath& path) override { shape(path, true); }
    void drawPolygon(const QPointF* points, int count, PolygonDrawMode mode) override {
        QPainterPath path;
        for (int i = 0; i < count; ++i)
            i == 0 ? path.moveTo(points[i]) : path.lineTo(points[i]);
        if (mode != PolylineMode)
            path.closeSubpath();
        path.setFillRule(mode == WindingMode ? Qt::WindingFill : Qt::OddEvenFill);
        shape(path, mode != PolylineMode);
    }
    void drawPolygon(const QPoint* points, int count, PolygonDrawMode mode) override {
        QList<QPointF> exact(points, points + count);
        drawPolygon(exact.constData(), count, mode);
    }
    void drawPixmap(const QRectF& target, const QPixmap& pixmap, const QRectF& source) override {
        drawImage(target, pixmap.toImage(), source, Qt::AutoColor);
    }
    void drawImage(const QRectF& target, const QImage& image, const QRectF& source,
                   Qt::ImageConversionFlags) override {
        QByteArray png;
        QBuffer buffer(&png);
        buffer.open(QIODevice::WriteOnly);
        image.copy(source.toAlignedRect()).save(&buffer, "PNG");
        const bool smooth = m_hints & QPainter::SmoothPixmapTransform;
        put(QStringLiteral("<image") + attribute("x", number(target.x())) + attribute("y", number(target.y())) +
            attribute("width", number(target.width())) + attribute("height", number(target.height())) +
            attribute("preserveAspectRatio", QStringLiteral("none")) +
            attribute("image-rendering", smooth ? QStringLiteral("auto") : QStringLiteral("optimizeSpeed")) +
            common() + attribute("xlink:href", QStringLiteral("data:image/png;base64,") +
                                                   QString::fromLatin1(png.toBase64())) +
            QStringLiteral("/>"));
    }
    void drawTextItem(const QPointF& at, const QTextItem& item) override {
        if (item.text().trimmed().isEmpty() || m_pen.style() == Qt::NoPen)
            return;
        const QFont font = item.font();
        QString text = QStringLiteral("<text") + attribute("x", number(at.x())) + attribute("y", number(at.y())) +
                       attribute("font-family", familiesOf(font)) +
                       attribute("font-size", number(QFontInfo(font).pixelSize()));
        if (font.bold())
            text += attribute("font-weight", QStringLiteral("bold"));
        if (font.italic())
            text += attribute("font-style", QStringLiteral("italic"));
        if (item.renderFlags() & QTextItem::Underline)
            text += attribute("text-decoration", QStringLiteral("underline"));
        // In a font that is not there the words still end where they ended here.
        if (item.width() > 0)
            text += attribute("textLength", number(item.width())) +
                    attribute("lengthAdjust", QStringLiteral("spacingAndGlyphs"));
        put(text + colourAttributes("fill", m_pen.color()) + common() +
            attribute("xml:space", QStringLiteral("preserve")) + QLatin1Char('>') + escaped(item.text()) +
            QStringLiteral("</text>"));
    }

    QString definitions() const { return m_definitions; }
    QString body() const { return m_body; }

private:
    void clip(const QPainterPath& path, Qt::ClipOperation operation) {
        const bool within = operation == Qt::IntersectClip && m_clipEnabled;
        m_clipEnabled = operation != Qt::NoClip;
        m_clip = !m_clipEnabled ? QPainterPath() : within ? m_clip.intersected(path) : path;
    }

    // The painter's clip and the one that keeps a widget within its parents. False where nothing is left to see.
    bool openClip() {
        QPainterPath path;
        bool clipped = m_clipEnabled;
        if (clipped)
            path = m_clip;
        if (const QRegion system = systemClip(); !system.isEmpty()) {
            QPainterPath outer;
            outer.addRegion(system);
            path = clipped ? path.intersected(outer) : outer;
            clipped = true;
        }
        const QString data = clipped ? dataOf(path.simplified()) : QString();
        if (clipped && data.isEmpty())
            return false;
        if (clipped == m_inClip && data == m_openClip)
            return true;
        closeClip();
        m_inClip = clipped;
        m_openClip = data;
        if (!clipped)
            return true;
        int& id = m_clipIds[data];
        if (id == 0) {
            id = static_cast<int>(m_clipIds.size());
            m_definitions += QStringLiteral("<clipPath id=\"c%1\"><path d=\"%2\"/></clipPath>\n").arg(id).arg(data);
        }
        m_body += QStringLiteral("<g clip-path=\"url(#c%1)\">\n").arg(id);
        return true;
    }
    void closeClip() {
        if (m_inClip)
            m_body += QStringLiteral("</g>\n");
        m_inClip = false;
        m_openClip.clear();
    }

    void put(const QString& element) {
        if (openClip())
            m_body += element + QLatin1Char('\n');
    }

    QString common() const {
        QString text;
        if (!m_transform.isIdentity())
            text += attribute("transform", matrixOf(m_transform));
        if (m_opacity < 1)
            text += attribute("opacity", number(m_opacity));
        return text;
    }

    void shape(const QPainterPath& path, bool filled) {
        const bool fills = filled && m_brush.style() != Qt::NoBrush, strokes = m_pen.style() != Qt::NoPen;
        if (path.isEmpty() || (!fills && !strokes))
            return;
        QString text = QStringLiteral("<path") + attribute("d", dataOf(path));
        if (fills) {
            text += colourAttributes("fill", m_brush.color());
            if (path.fillRule() == Qt::OddEvenFill)
                text += attribute("fill-rule", QStringLiteral("evenodd"));
        } else
            text += attribute("fill", QStringLiteral("none"));
        if (strokes)
            text += strokeAttributes();
        if (!(m_hints & QPainter::Antialiasing))
            text += attribute("shape-rendering", QStringLiteral("crispEdges"));
        put(text + common() + QStringLiteral("/>"));
    }

    QString strokeAttributes() const {
        const double width = m_pen.widthF() > 0 ? m_pen.widthF() : 1;
        QString text = colourAttributes("stroke", m_pen.color()) + attribute("stroke-width", number(width));
        if (m_pen.isCosmetic())
            text += attribute("vector-effect", QStringLiteral("non-scaling-stroke"));
        if (m_pen.style() != Qt::SolidLine) {
            QStringList dashes;
            for (const double dash : m_pen.dashPattern())
                dashes << number(dash * width);
            text += attribute("stroke-dasharray", dashes.join(QLatin1Char(',')));
        }
        const bool round = m_pen.capStyle() == Qt::RoundCap, square = m_pen.capStyle() == Qt::SquareCap;
        text += attribute("stroke-linecap", round    ? QStringLiteral("round")
                                            : square ? QStringLiteral("square")
                                                     : QStringLiteral("butt"));
        text += attribute("stroke-linejoin", m_pen.joinStyle() == Qt::RoundJoin   ? QStringLiteral("round")
                                             : m_pen.joinStyle() == Qt::MiterJoin ? QStringLiteral("miter")
                                                                                  : QStringLiteral("bevel"));
        return text;
    }

    QPen m_pen;
    QBrush m_brush;
    QTransform m_transform;
    double m_opacity = 1;
    QPainter::RenderHints m_hints;
    QPainterPath m_clip; // in the device's coordinates
    bool m_clipEnabled = false, m_inClip = false;
    QString m_openClip, m_definitions, m_body;
    QHash<QString, int> m_clipIds; // by their path
};

SvgDevice::SvgDevice(QSize size, const QString& title)
    : m_size(size), m_title(title), m_engine(std::make_unique<Engine>()) {}

SvgDevice::~SvgDevice() = default;

QPaintEngine* SvgDevice::paintEngine() const {
    return m_engine.get();
}

std::string SvgDevice::svg() const {
    const QString head =
        QStringLiteral("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
                       "version=\"1.1\" width=\"%1\" height=\"%2\" viewBox=\"0 0 %1 %2\">\n<title>%3</title>\n")
            .arg(m_size.width())
            .arg(m_size.height())
            .arg(escaped(m_title));
    return (head + QStringLiteral("<defs>\n") + m_engine->definitions() + QStringLiteral("</defs>\n") +
            m_engine->body() + QStringLiteral("</svg>\n"))
        .toStdString();
}

int SvgDevice::metric(PaintDeviceMetric metric) const {
    switch (metric) {
    case PdmWidth:
        return m_size.width();
    case PdmHeight:
        return m_size.height();
    case PdmWidthMM:
        return qRound(m_size.width() * 25.4 / kDotsPerInch);
    case PdmHeightMM:
        return qRound(m_size.height() * 25.4 / kDotsPerInch);
    case PdmNumColors:
        return 1 << 24;
    case PdmDepth:
        return 24;
    case PdmDpiX:
    case PdmDpiY:
    case PdmPhysicalDpiX:
    case PdmPhysicalDpiY:
        return kDotsPerInch;
    case PdmDevicePixelRatio:
        return 1;
    case PdmDevicePixelRatioScaled:
        return static_cast<int>(devicePixelRatioFScale());
    }
    return 0;
}

} // namespace fovea
