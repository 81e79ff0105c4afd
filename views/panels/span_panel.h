#pragma once
// The spans of a MoA plan, seen and edited: the map of all heads, and beside it (below it, where the panel is narrow)
// the lines of those aimed at. Both are of one plan, and of the N of now.

#include <QWidget>

#include <optional>

#include "views/maps/span_edit.h"

class QSplitter;
class QToolButton;

namespace fovea {

class PanelFrame;
class SpanLines;
class SpanMapView;

class SpanPanel : public QWidget {
    Q_OBJECT
public:
    explicit SpanPanel(QWidget* parent = nullptr);

    void setShape(const SpanShape& shape);
    void setParams(const std::optional<MoaParams>& params);
    void setTokens(std::int64_t tokens);
    void setSelected(int layer, int head);
    SpanMapView* map() const { return m_map; }
    SpanLines* lines() const { return m_lines; }
    // "drag: α", "Load…" and "Save…" into the frame's header; its subtitle says where the spans are kept.
    void furnish(PanelFrame* frame);
    void paintInto(QPainter& painter, QSize size) const;

Q_SIGNALS:
    void edited(const fovea::MoaParams& params, const QString& what);
    void editFinished();
    void headPicked(int layer, int head);
    void loadRequested();
    void saveRequested();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void showHeader();
    bool beside(QSize size) const { return size.width() > size.height() * 4 / 3; }

    SpanMapView* m_map;
    SpanLines* m_lines;
    QSplitter* m_splitter;
    PanelFrame* m_frame = nullptr;
    QToolButton *m_part = nullptr, *m_save = nullptr;
};

} // namespace fovea
