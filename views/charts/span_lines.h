#pragma once
// The spans of a MoA plan against the length of the text: how many tokens a head sees once N are there. Strong: the
// heads that are aimed at on the span map; faint: the plan's others, each distinct span once; dotted: all tokens.
// A marker stands at the N of now.

#include <QImage>
#include <QWidget>

#include <optional>

#include "views/maps/span_edit.h"

namespace fovea {

class SpanLines : public QWidget {
    Q_OBJECT
public:
    explicit SpanLines(QWidget* parent = nullptr);

    void setShape(const SpanShape& shape);
    void setParams(const std::optional<MoaParams>& params);
    void setTokens(std::int64_t tokens); // 0: none yet
    void setTarget(const SpanTarget& target);

    std::int64_t longest() const; // N at the right edge
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size) const;

    QSize sizeHint() const override { return {330, 220}; }
    QSize minimumSizeHint() const override { return {160, 100}; }

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    struct Line {
        MoaSpan span;
        int layer = 0, head = 0; // the first that has it
        int heads = 0;           // how many have it
        bool aimed = false;
    };
    std::vector<Line> lines() const;
    QRectF areaOf(QSizeF size) const;
    void drawAxes(QPainter& painter, const QRectF& area) const;
    void drawLine(QPainter& painter, const QRectF& area, const Line& line) const;
    void drawNow(QPainter& painter, const QRectF& area, const std::vector<Line>& lines) const;

    SpanShape m_shape;
    std::optional<MoaParams> m_params;
    std::int64_t m_tokens = 0;
    SpanTarget m_target{0, 0};
};

} // namespace fovea
