#include "views/panels/inspector.h"

#include <QKeyEvent>
#include <QPainter>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

#include "views/panel_frame.h"
#include "views/panels/copy_menu.h"
#include "views/panels/paper_card.h"
#include "views/panels/stages_view.h"
#include "views/theme.h"

namespace fovea {

Inspector::Inspector(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    m_view = new StagesView;
    m_paper = new PaperCard;
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_view, 1);
    column->addWidget(m_paper);
    addCopyMenu(
        this, tr("inspector"), [this] { return renderToImage(size(), 2); }, [this] { return toCsv(); });
}

void Inspector::furnish(PanelFrame* frame) {
    m_frame = frame;
    frame->setTitle(tr("Inspector"));
    const auto arrow = [&](const QString& text, const QString& tip, int step) {
        auto* button = headerButton(text, frame);
        button->setToolTip(tip);
        button->setFocusPolicy(Qt::NoFocus); // the keys do the same
        button->setFixedWidth(18);
        frame->addHeaderWidget(button);
        connect(button, &QToolButton::clicked, this, [this, step] { request(step); });
        return button;
    };
    m_previous = arrow(QStringLiteral("◂"), tr("Previous query (Left)"), -1);
    m_next = arrow(QStringLiteral("▸"), tr("Next query (Right)"), +1);
    showTitle();
}

const QueryStages* Inspector::stages() const {
    return m_view->stages();
}

void Inspector::setStages(std::shared_ptr<const QueryStages> stages) {
    m_view->setStages(std::move(stages));
    showTitle();
}

void Inspector::setTokenText(const QString& text) {
    m_token = text;
    showTitle();
}

void Inspector::setQueryLimits(qint64 first, qint64 last) {
    m_first = first;
    m_last = last;
    showTitle();
}

void Inspector::setPaper(const PaperFacts& facts) {
    m_paper->setFacts(facts);
}

void Inspector::showTitle() {
    if (!m_frame)
        return;
    const auto* s = stages();
    QString text;
    if (s) {
        text = tr("query %1").arg(s->query);
        if (!m_token.isEmpty())
            text += QStringLiteral(" “%1”").arg(m_token.trimmed());
        text += tr(" · L%1 H%2").arg(s->layer).arg(s->head);
    }
    m_frame->setSubtitle(text);
    m_previous->setEnabled(s && s->query > m_first);
    m_next->setEnabled(s && s->query < m_last);
}

void Inspector::request(int step) {
    const auto* s = stages();
    if (!s)
        return;
    const qint64 query = s->query + step;
    if (query >= m_first && query <= m_last)
        Q_EMIT queryRequested(query);
}

void Inspector::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Left)
        request(-1);
    else if (event->key() == Qt::Key_Right)
        request(+1);
    else
        QWidget::keyPressEvent(event);
}

QString Inspector::toCsv() const {
    return m_view->toCsv();
}

void Inspector::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    const int card = m_paper->isHidden() ? 0 : m_paper->heightForWidth(size.width());
    m_view->paintInto(painter, {size.width(), size.height() - card});
    if (card) {
        painter.translate(0, size.height() - card);
        m_paper->paintInto(painter, {size.width(), card});
        painter.translate(0, card - size.height());
    }
}

QImage Inspector::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

} // namespace fovea
