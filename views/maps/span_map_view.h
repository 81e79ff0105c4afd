#pragma once
// The spans of a MoA plan: layer × query head, coloured by how many of the N tokens so far each head sees; below a
// KV group's heads a bar of what the group holds, which is the longest of them. A span is edited by dragging its
// cell up or down; a layer's name drags the whole layer, a head's name that head of every layer, the corner all.

#include <QImage>
#include <QRectF>
#include <QWidget>

#include <optional>

#include "views/maps/colour_map.h"
#include "views/maps/span_edit.h"

namespace fovea {

class SpanMapView : public QWidget {
    Q_OBJECT
public:
    explicit SpanMapView(QWidget* parent = nullptr);

    void setShape(const SpanShape& shape);
    // Nothing: the plan has no spans, and the view says how it gets some.
    void setParams(const std::optional<MoaParams>& params);
    const std::optional<MoaParams>& params() const { return m_params; }
    // N; 0: no text yet, and the model's context is taken.
    void setTokens(std::int64_t tokens);
    std::int64_t tokens() const; // that the colours are of
    void setDragged(SpanPart part) { m_part = part; }
    SpanPart dragged() const { return m_part; }
    // The head that is looked at elsewhere; it becomes the target.
    void setSelected(int layer, int head);
    const SpanTarget& target() const { return m_target; }
    void setColourMap(ColourMap map);

    // Of one cell, of a layer's name (head -1), a head's name (layer -1), or the corner (both).
    QRectF rectOf(const SpanTarget& target) const;
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size) const;
    QString toCsv() const; // layer,head,kv_head,alpha,beta,span,seen,held at the current N

    QSize sizeHint() const override { return {330, 320}; }
    QSize minimumSizeHint() const override { return {160, 120}; }

Q_SIGNALS:
    // `what` is the same through one drag.
    void edited(const fovea::MoaParams& params, const QString& what);
    void editFinished();
    void targetChanged(const fovea::SpanTarget& target);
    void headPicked(int layer, int head);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    struct Grid;
    Grid gridFor(QSizeF size) const;
    std::optional<SpanTarget> targetAt(const QPointF& at) const;
    void aim(const SpanTarget& target);
    void edit(const MoaParams& from, int steps);
    QString describe(const SpanTarget& target) const;
    void drawCells(QPainter& painter, const Grid& grid) const;
    void drawNames(QPainter& painter, const Grid& grid) const;
    void drawTarget(QPainter& painter, const Grid& grid) const;
    void drawColourBar(QPainter& painter, const QRectF& bar) const;

    SpanShape m_shape;
    std::optional<MoaParams> m_params;
    std::int64_t m_tokens = 0;
    SpanPart m_part = SpanPart::Alpha;
    SpanTarget m_target{0, 0};
    ColourMap m_map = ColourMap::Viridis;
    std::optional<MoaParams> m_pressed; // the spans as a drag began
    QPointF m_pressedAt;
    bool m_dragging = false;
};

} // namespace fovea
