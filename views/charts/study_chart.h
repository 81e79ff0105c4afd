#pragma once
// A study's losses: bits from left to right, per cent of dense upwards (logarithmic), a plot per question and kind of tensor.
// Dashed is how much the rule lets a plan lose.

#include <QImage>
#include <QWidget>

#include <memory>

#include "core/study/recommendation.h"

namespace fovea {

class StudyChart : public QWidget {
    Q_OBJECT
public:
    explicit StudyChart(QWidget* parent = nullptr);
    ~StudyChart() override;

    void setStudy(std::shared_ptr<const StudyResult> result, const StudyRule& rule);
    // What to say while there is nothing to draw.
    void setEmptyText(const QString& text);
    // The plan that is ringed in every plot; empty: none.
    void setChosen(const QString& plan);

    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;
    // Of the widget: the plan drawn within reach of a pointer, and where it is drawn in the first plot that has it.
    QString planAt(QPointF at) const;
    QPointF pointOf(const QString& plan) const;

Q_SIGNALS:
    void planPicked(const QString& plan);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent*) override;
    void mouseMoveEvent(QMouseEvent*) override;
    void mousePressEvent(QMouseEvent*) override;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace fovea
