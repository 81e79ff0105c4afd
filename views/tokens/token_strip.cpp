#include "views/tokens/token_strip.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>

#include "views/theme.h"

namespace fovea {
namespace {

constexpr double kRadius = 3;

QString quotedForCsv(QString text) {
    text.replace(QLatin1Char('"'), QStringLiteral("\"\""));
    return QLatin1Char('"') + text + QLatin1Char('"');
}

} // namespace

TokenStrip::TokenStrip(QWidget* parent)
    : QAbstractScrollArea(parent),
      m_emptyText(QStringLiteral("Write a prompt and press Run to see its tokens.")) {
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    // Always there: a bar that comes and goes with the text's height would change its width, and so its
    // height.
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
    setAccessibleName(QStringLiteral("Tokens"));
}

void TokenStrip::setTokens(std::vector<TokenCell> tokens) {
    const bool sameTexts =
        std::equal(tokens.begin(), tokens.end(), m_tokens.begin(), m_tokens.end(),
                   [](const TokenCell& a, const TokenCell& b) { return a.text == b.text; });
    m_tokens = std::move(tokens);
    m_measureMax = 0;
    for (const TokenCell& cell : m_tokens)
        m_measureMax = std::max(m_measureMax, cell.measure);
    if (!sameTexts) {
        std::vector<ShownToken> shown;
        shown.reserve(m_tokens.size());
        std::transform(m_tokens.begin(), m_tokens.end(), std::back_inserter(shown),
                       [](const TokenCell& cell) { return shownToken(cell.text); });
        m_layout.setTokens(std::move(shown));
        relayout();
    }
    viewport()->update();
}

void TokenStrip::setColour(TokenColour colour) {
    m_colour = colour;
    viewport()->update();
}

void TokenStrip::setQuery(int query) {
    if (query == m_query)
        return;
    m_query = query;
    if (const QRect rect = m_layout.rect(query); !rect.isNull()) {
        QScrollBar* bar = verticalScrollBar();
        const int slack = 4;
        if (rect.top() - slack < bar->value())
            bar->setValue(rect.top() - slack);
        else if (rect.bottom() + slack > bar->value() + viewport()->height())
            bar->setValue(rect.bottom() + slack - viewport()->height());
    }
    viewport()->update();
}

void TokenStrip::setPinned(std::set<int> pinned) {
    m_pinned = std::move(pinned);
    viewport()->update();
}

void TokenStrip::setEmptyText(const QString& text) {
    m_emptyText = text;
    viewport()->update();
}

void TokenStrip::relayout() {
    m_layout.build(numberFont(12), viewport()->width());
    QScrollBar* bar = verticalScrollBar();
    bar->setPageStep(viewport()->height());
    bar->setSingleStep(m_layout.lineHeight());
    bar->setRange(0, std::max(0, m_layout.height() - viewport()->height()));
    viewport()->update();
}

int TokenStrip::tokenAt(const QPoint& position) const {
    return m_layout.at(position + QPoint(0, verticalScrollBar()->value()));
}

QRect TokenStrip::tokenRect(int index) const {
    return m_layout.rect(index).translated(0, -verticalScrollBar()->value());
}

QColor TokenStrip::background(const TokenCell& cell) const {
    switch (m_colour) {
    case TokenColour::Chosen:
        return cell.chosen ? theme().chosen : QColor();
    case TokenColour::Missed:
    case TokenColour::Surprise:
        if (m_measureMax > 0 && cell.measure > 0)
            return mixed(theme().panel, theme().planB,
                         0.75 * static_cast<double>(cell.measure / m_measureMax));
        return {};
    case TokenColour::None:
        break;
    }
    return {};
}

void TokenStrip::drawChip(QPainter& p, const TokenLayout& layout, int index, const QRect& rect) const {
    const TokenCell& cell = m_tokens[static_cast<std::size_t>(index)];
    const QColor fill = background(cell);
    if (fill.isValid()) {
        p.setPen(Qt::NoPen);
        p.setBrush(fill);
        p.drawRoundedRect(rect, kRadius, kRadius);
    }
    if (cell.generated)
        p.fillRect(rect.left() + 2, rect.bottom(), rect.width() - 4, 1, theme().planA);
    // What the model wrote stands out from the prompt; on a tint only the strongest contrast can be read.
    const bool strong = cell.generated || index == m_query;
    p.setPen(fill.isValid() ? readableOn(fill) : strong ? theme().text : theme().mutedText);
    p.drawText(rect, Qt::AlignCenter, layout.token(index).shown);
    if (index == m_query || m_pinned.contains(index)) {
        p.setBrush(Qt::NoBrush);
        p.setPen(
            QPen(theme().accent, index == m_query ? 2 : 1, index == m_query ? Qt::SolidLine : Qt::DotLine));
        p.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), kRadius, kRadius);
    }
}

void TokenStrip::drawRows(QPainter& p, const TokenLayout& layout, int top, int bottom) const {
    p.setRenderHint(QPainter::Antialiasing);
    p.setFont(numberFont(12));
    const int end = layout.firstOfLine(layout.lineAt(bottom) + 1);
    for (int index = layout.firstOfLine(layout.lineAt(top)); index < end; ++index)
        drawChip(p, layout, index, layout.rect(index).translated(0, -top));
}

void TokenStrip::paintEvent(QPaintEvent* event) {
    QPainter painter(viewport());
    painter.fillRect(event->rect(), theme().panel);
    if (m_tokens.empty()) {
        painter.setPen(theme().mutedText);
        painter.drawText(viewport()->rect().adjusted(10, 0, -10, 0), Qt::AlignVCenter | Qt::AlignLeft,
                         m_emptyText);
        return;
    }
    const int top = verticalScrollBar()->value();
    drawRows(painter, m_layout, top, top + viewport()->height());
}

void TokenStrip::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    if (m_tokens.empty())
        return;
    TokenLayout layout = m_layout;
    layout.build(numberFont(12), size.width());
    drawRows(painter, layout, 0, size.height());
}

QImage TokenStrip::renderToImage(QSize size) const {
    QImage image(size, QImage::Format_RGB32);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

QString TokenStrip::toCsv() const {
    QString csv = QStringLiteral("position,token,generated,read,measure\n");
    for (std::size_t i = 0; i < m_tokens.size(); ++i) {
        const TokenCell& cell = m_tokens[i];
        csv += QStringLiteral("%1,").arg(i) + quotedForCsv(cell.text) +
               QStringLiteral(",%1,%2,").arg(cell.generated ? 1 : 0).arg(cell.chosen ? 1 : 0) +
               QString::number(static_cast<double>(cell.measure), 'g', 9) + QLatin1Char('\n');
    }
    return csv;
}

QString TokenStrip::describe(int index) const {
    const TokenCell& cell = m_tokens[static_cast<std::size_t>(index)];
    QString text = QStringLiteral("position %1, %2")
                       .arg(index)
                       .arg(cell.generated ? QStringLiteral("generated") : QStringLiteral("prompt"));
    if (m_colour == TokenColour::Chosen)
        text +=
            cell.chosen ? QStringLiteral(", read for the query") : QStringLiteral(", not read for the query");
    else if (m_colour == TokenColour::Missed)
        text += QStringLiteral(", missed mass %1 %").arg(static_cast<double>(cell.measure) * 100, 0, 'f', 2);
    else if (m_colour == TokenColour::Surprise)
        text += QStringLiteral(", surprise %1 nats").arg(static_cast<double>(cell.measure), 0, 'f', 2);
    if (const QString detail = m_detail ? m_detail(index) : QString(); !detail.isEmpty())
        text += QStringLiteral("\n") + detail;
    return text;
}

bool TokenStrip::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        if (const int index = tokenAt(help->pos()); index >= 0)
            QToolTip::showText(help->globalPos(), describe(index), this);
        else
            QToolTip::hideText();
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void TokenStrip::resizeEvent(QResizeEvent*) {
    relayout();
}

void TokenStrip::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        relayout();
    QAbstractScrollArea::changeEvent(event);
}

void TokenStrip::mousePressEvent(QMouseEvent* event) {
    const int index = event->button() == Qt::LeftButton ? tokenAt(event->pos()) : -1;
    if (index < 0)
        return;
    if (event->modifiers().testFlag(Qt::ShiftModifier)) {
        Q_EMIT tokenPinned(index);
        return;
    }
    setQuery(index);
    Q_EMIT tokenPicked(index);
}

void TokenStrip::keyPressEvent(QKeyEvent* event) {
    const auto count = static_cast<int>(m_tokens.size());
    int to = m_query;
    switch (event->key()) {
    case Qt::Key_Left:
        to = m_query - 1;
        break;
    case Qt::Key_Right:
        to = m_query + 1;
        break;
    case Qt::Key_Home:
        to = 0;
        break;
    case Qt::Key_End:
        to = count - 1;
        break;
    default:
        return QAbstractScrollArea::keyPressEvent(event);
    }
    to = std::clamp(to, 0, std::max(0, count - 1));
    if (count == 0 || to == m_query)
        return;
    setQuery(to);
    Q_EMIT tokenPicked(to);
}

} // namespace fovea
