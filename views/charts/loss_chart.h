#pragma once
// Both losses of a training against the tokens it has learnt from, on a linear or a logarithmic axis. Where
// the sequences grew and where the training was resumed is marked, for both leave a mark on the loss.

#include <QImage>
#include <QWidget>

#include <memory>

#include "views/charts/loss_curves.h"

namespace fovea {

class LossChart : public QWidget {
    Q_OBJECT
public:
    explicit LossChart(QWidget* parent = nullptr);
    ~LossChart() override;

    void setCurves(LossCurves curves);
    const LossCurves& curves() const;
    // What to say while there is nothing to draw.
    void setEmptyText(const QString& text);
    void setLogTokens(bool logarithmic);
    bool logTokens() const;

    // The values of the points nearest to `tokens`, one line each.
    QString describe(double tokens) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;
    // Of the widget; for tests.
    QRectF plotArea() const;
    double pixelAt(double tokens) const;

protected:
    void paintEvent(QPaintEvent*) override;
    void resizeEvent(QResizeEvent*) override;
    void changeEvent(QEvent*) override;
    void mouseMoveEvent(QMouseEvent*) override;
    void leaveEvent(QEvent*) override;

private:
    struct State;
    struct Axes;
    Axes axes(const QSize& size) const;
    void invalidate();
    void draw(QPainter& painter, const QSize& size) const;
    void drawTitle(QPainter& painter, const Axes& axes) const;
    void drawGrid(QPainter& painter, const Axes& axes) const;
    void drawMarks(QPainter& painter, const Axes& axes) const;
    void drawCurves(QPainter& painter, const Axes& axes) const;
    void drawBest(QPainter& painter, const Axes& axes) const;
    void drawCursor(QPainter& painter, const Axes& axes) const;

    std::unique_ptr<State> m_state;
};

} // namespace fovea
