#include "views/charts/study_chart.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <cmath>
#include <utility>

#include "core/study/study_report.h"
#include "views/charts/study_layout.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr double kReach = 10; // pixels within which a point is meant

QString text(const std::string& utf8) {
    return QString::fromStdString(utf8);
}

} // namespace

struct StudyChart::State {
    std::shared_ptr<const StudyResult> result;
    StudyRule rule;
    QString emptyText, chosen;

    // Of the nearest point in reach, its plan and the question it answers.
    std::pair<const StudyPlan*, std::size_t> nearest(QPointF at, QSize size) const {
        std::pair<const StudyPlan*, std::size_t> found{nullptr, 0};
        if (!result)
            return found;
        const StudyPicture picture = layOutStudy(*result, rule, size);
        double distance = kReach;
        for (std::size_t row = 0; row < picture.rows.size(); ++row)
            for (const StudyPlot& plot : picture.rows[row].plots)
                for (const StudyPoint& point : plot.points)
                    if (const double d = std::hypot(point.at.x() - at.x(), point.at.y() - at.y());
                        d < distance) {
                        distance = d;
                        found = {point.plan, row};
                    }
        return found;
    }
};

StudyChart::StudyChart(QWidget* parent) : QWidget(parent), m_state(std::make_unique<State>()) {
    setMouseTracking(true);
    setMinimumSize(420, 260);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

StudyChart::~StudyChart() = default;

void StudyChart::setStudy(std::shared_ptr<const StudyResult> result, const StudyRule& rule) {
    m_state->result = std::move(result);
    m_state->rule = rule;
    update();
}

void StudyChart::setEmptyText(const QString& text) {
    m_state->emptyText = text;
    update();
}

void StudyChart::setChosen(const QString& plan) {
    m_state->chosen = plan;
    update();
}

void StudyChart::paintInto(QPainter& painter, QSize size) const {
    painter.fillRect(QRect(QPoint(0, 0), size), theme().panel);
    if (!m_state->result || questionsOf(*m_state->result).empty()) {
        painter.setFont(uiFont(11));
        painter.setPen(theme().mutedText);
        painter.drawText(QRectF(QPointF(0, 0), QSizeF(size)).adjusted(40, 0, -40, 0),
                         Qt::AlignCenter | Qt::TextWordWrap, m_state->emptyText);
        return;
    }
    drawStudy(painter, *m_state->result, layOutStudy(*m_state->result, m_state->rule, size), size);
}

QImage StudyChart::renderToImage(QSize size, double devicePixelRatio) const {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio);
    QPainter painter(&image);
    paintInto(painter, size);
    return image;
}

QString StudyChart::planAt(QPointF at) const {
    const StudyPlan* plan = m_state->nearest(at, size()).first;
    return plan ? text(plan->plan) : QString();
}

QPointF StudyChart::pointOf(const QString& plan) const {
    if (m_state->result)
        for (const StudyPictureRow& row : layOutStudy(*m_state->result, m_state->rule, size()).rows)
            for (const StudyPlot& plot : row.plots)
                for (const StudyPoint& point : plot.points)
                    if (text(point.plan->plan) == plan)
                        return point.at;
    return {-1, -1};
}

void StudyChart::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintInto(painter, size());
    if (!m_state->result || m_state->chosen.isEmpty())
        return;
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(theme().accent, 1.5));
    for (const StudyPictureRow& row : layOutStudy(*m_state->result, m_state->rule, size()).rows)
        for (const StudyPlot& plot : row.plots)
            for (const StudyPoint& point : plot.points)
                if (text(point.plan->plan) == m_state->chosen)
                    painter.drawEllipse(point.at, 8, 8);
}

bool StudyChart::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto [plan, row] = m_state->nearest(help->pos(), size());
    if (!plan) {
        QToolTip::hideText();
        return true;
    }
    const StudyQuestion question = picturedQuestions(*m_state->result)[row];
    const auto loss = lossOf(*m_state->result, question, plan->plan);
    QToolTip::showText(help->globalPos(),
                       tr("%1 by %2\n%3\n%4: %5 worse than dense")
                           .arg(text(plan->label), text(plan->method), text(plan->plan), text(question.name),
                                text(lossPercentText(*loss))),
                       this);
    return true;
}

void StudyChart::mouseMoveEvent(QMouseEvent* event) {
    setCursor(planAt(event->position()).isEmpty() ? Qt::ArrowCursor : Qt::PointingHandCursor);
}

void StudyChart::mousePressEvent(QMouseEvent* event) {
    const QString plan = planAt(event->position());
    if (event->button() == Qt::LeftButton && !plan.isEmpty())
        Q_EMIT planPicked(plan);
}

} // namespace fovea
