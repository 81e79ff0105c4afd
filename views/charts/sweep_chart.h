#pragma once
// Quality against bytes: the metric of every plan of a sweep over what its attention moves per token, on a logarithmic
// axis. One series per method, with error bars; the line joins what is best for its bytes. Dense attention is the
// reference, across the whole width and where its bytes are.

#include <QImage>
#include <QWidget>

#include <memory>

#include "core/tasks/sweep_table.h"

namespace fovea {

struct SweepLayout;

class SweepChart : public QWidget {
    Q_OBJECT
public:
    explicit SweepChart(QWidget* parent = nullptr);
    ~SweepChart() override;

    void setTable(SweepTable table);
    const SweepTable& table() const;
    // What to say while there is nothing to draw.
    void setEmptyText(const QString& text);
    // The plan that is ringed; empty: none.
    void setChosen(const QString& plan);

    // What is known of a plan's row, one fact per line; empty for a plan that is not there.
    QString describe(const QString& plan) const;
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;
    // Of the widget: where a plan is drawn, and what is drawn within reach of a pointer; for tests too.
    QPointF pointOf(const QString& plan) const;
    QString planAt(QPointF at) const;

Q_SIGNALS:
    void planPicked(const QString& plan);

protected:
    void paintEvent(QPaintEvent*) override;
    void resizeEvent(QResizeEvent*) override;
    void changeEvent(QEvent*) override;
    void mouseMoveEvent(QMouseEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    void leaveEvent(QEvent*) override;

private:
    void invalidate();
    void drawPointed(QPainter& painter) const;

    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace fovea
