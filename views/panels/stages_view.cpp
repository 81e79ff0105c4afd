#include "views/panels/stages_view.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

#include "views/theme.h"

namespace fovea {

StagesView::StagesView(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void StagesView::setStages(std::shared_ptr<const QueryStages> stages) {
    m_stages = std::move(stages);
    m_picture = m_stages ? pictureOf(*m_stages) : StagesPicture{};
    update();
}

void StagesView::paintInto(QPainter& painter, const QSize& size) const {
    if (m_stages && !m_stages->q.empty()) {
        paintStages(painter, QRectF(QPointF(0, 4), size).adjusted(0, 0, 0, -4), m_picture);
        return;
    }
    painter.setFont(uiFont(11));
    painter.setPen(theme().mutedText);
    painter.drawText(QRect(QPoint(0, 0), size).adjusted(16, 0, -16, 0), Qt::AlignCenter | Qt::TextWordWrap,
                     tr("Click a token or a row of the head map to look into one query."));
}

void StagesView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintInto(painter, size());
}

bool StagesView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const QRectF area = QRectF(QPointF(0, 4), size()).adjusted(0, 0, 0, -4);
    const auto text = m_stages ? stagesTip(area, m_picture, help->pos()) : QString();
    text.isEmpty() ? QToolTip::hideText() : QToolTip::showText(help->globalPos(), text, this);
    return true;
}

QString StagesView::toCsv() const {
    QString csv = QStringLiteral("stage,index,value,second,chosen\n");
    if (!m_stages)
        return csv;
    const auto& s = *m_stages;
    const auto line = [&](const char* stage, std::size_t index, float value, const QString& second,
                          bool chosen) {
        csv += QStringLiteral("%1,%2,%3,%4,%5\n")
                   .arg(QLatin1String(stage))
                   .arg(index)
                   .arg(double(value), 0, 'g', 9)
                   .arg(second)
                   .arg(int(chosen));
    };
    for (std::size_t i = 0; i < s.q.size(); ++i)
        line("q", i, s.q[i], {},
             std::binary_search(s.components.begin(), s.components.end(), static_cast<int>(i)));
    for (std::size_t i = 0; i < s.exact.size(); ++i) {
        const bool guessed = i < s.approximate.size() && !std::isnan(s.approximate[i]);
        line("score exact|approximate", i, s.exact[i],
             guessed ? QString::number(double(s.approximate[i]), 'g', 9) : QString(), m_picture.isChosen[i]);
    }
    for (std::size_t i = 0; i < s.pages.size(); ++i)
        line("page bound|best score", i, s.pages[i].bound, QString::number(double(s.pages[i].exact), 'g', 9),
             s.pages[i].chosen);
    for (std::size_t i = 0; i < m_picture.weights.size(); ++i)
        line("weight", static_cast<std::size_t>(m_picture.keys[i]), m_picture.weights[i], {}, s.sparse);
    for (std::size_t i = 0; i < s.denseOutput.size(); ++i) {
        const bool sparse = s.sparse && i < s.output.size();
        line("output dense|sparse", i, s.denseOutput[i],
             sparse ? QString::number(double(s.output[i]), 'g', 9) : QString(), false);
    }
    return csv;
}

} // namespace fovea
