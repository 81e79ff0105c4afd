#include "views/panels/stored_view.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <utility>

#include "views/panels/copy_menu.h"
#include "views/panels/stored_paint.h"
#include "views/theme.h"

namespace fovea {

StoredView::StoredView(QWidget* parent)
    : QWidget(parent),
      m_emptyText(tr("Press Run (F5): what plan B's store makes of a head's keys and values appears here.")) {
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setAccessibleName(tr("Quantisation of one head's keys and values"));
    addCopyMenu(
        this, tr("quantisation"), [this] { return renderToImage(size(), 2); }, [this] { return toCsv(); });
}

void StoredView::setHead(std::shared_ptr<const StoredHead> head) {
    m_head = std::move(head);
    if (m_head)
        m_channel = std::min(m_channel, m_head->keys.channels - 1);
    update();
}

void StoredView::setEmptyText(const QString& text) {
    m_emptyText = text;
    update();
}

void StoredView::setToken(qint64 token) {
    m_token = token;
    update();
}

qint64 StoredView::token() const {
    if (!m_head)
        return m_token;
    const qint64 newest = m_head->keys.tokens - 1;
    return m_token < 0 ? newest : std::min<qint64>(m_token, newest);
}

void StoredView::setColourMap(ColourMap map) {
    m_colours = map;
    update();
}

StoredScene StoredView::scene() const {
    return {.head = m_head.get(), .token = token(), .channel = m_channel, .colours = m_colours};
}

void StoredView::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    if (m_head)
        return paintStored(painter, size, scene());
    painter.setFont(uiFont(12));
    painter.setPen(theme().mutedText);
    painter.drawText(QRect(QPoint(0, 0), size).adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap,
                     m_emptyText);
}

QImage StoredView::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_RGB32);
    image.setDevicePixelRatio(devicePixelRatio);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

QString StoredView::toCsv() const {
    QString csv =
        QStringLiteral("part,channel,bits,relative_error,rms_error,largest_before_rope,mean_before_rope,"
                       "largest,mean,outliers\n");
    if (!m_head)
        return csv;
    const auto number = [](double value) { return QString::number(value, 'g', 9); };
    for (const auto& [part, name] : {std::pair(&m_head->keys, "keys"), std::pair(&m_head->values, "values")})
        for (std::size_t c = 0; c < part->sizes.size(); ++c) {
            QStringList cells{QString::fromLatin1(name), QString::number(c), number(part->bits),
                              number(part->relativeError), number(part->channelError[c])};
            const bool before = c < part->before.size();
            cells << (before ? number(part->before[c].most) : QString())
                  << (before ? number(part->before[c].mean) : QString()) << number(part->sizes[c].most)
                  << number(part->sizes[c].mean) << QString::number(part->outliers.perChannel[c]);
            csv += cells.join(QLatin1Char(',')) + QLatin1Char('\n');
        }
    return csv;
}

void StoredView::pick(qint64 token, int channel) {
    if (!m_head)
        return;
    m_channel = std::clamp(channel, 0, m_head->keys.channels - 1);
    update();
    token = std::clamp<qint64>(token, 0, m_head->keys.tokens - 1);
    if (token == this->token())
        return;
    m_token = token;
    Q_EMIT tokenPicked(token);
}

bool StoredView::event(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange)
        update();
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const QString text = m_head ? storedTip(size(), scene(), help->pos()) : QString();
    text.isEmpty() ? QToolTip::hideText() : QToolTip::showText(help->globalPos(), text, this);
    return true;
}

void StoredView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintInto(painter, size());
}

void StoredView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    Q_EMIT shown();
}

void StoredView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    setMinimumHeight(storedHeight(width()));
}

void StoredView::mousePressEvent(QMouseEvent* event) {
    if (!m_head || event->button() != Qt::LeftButton)
        return QWidget::mousePressEvent(event);
    if (const auto cell = storedCellAt(size(), scene(), event->position()))
        pick(cell->token, cell->channel);
}

void StoredView::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Left:
        return pick(token() - 1, m_channel);
    case Qt::Key_Right:
        return pick(token() + 1, m_channel);
    case Qt::Key_Up:
        return pick(token(), m_channel - 1);
    case Qt::Key_Down:
        return pick(token(), m_channel + 1);
    default:
        QWidget::keyPressEvent(event);
    }
}

} // namespace fovea
