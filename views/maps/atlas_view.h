#pragma once
// Every head at a glance: layer × head thumbnails with the KV groups bracketed, a bar under each for the mass
// its plan missed. Sorted by a figure it becomes one ranked list, largest first.

#include <QImage>
#include <QRectF>
#include <QWidget>
#include <memory>
#include <vector>

#include "core/engine/replay.h"
#include "views/maps/colour_map.h"

class QComboBox;

namespace fovea {

enum class AtlasSort { Layout, Missed, Entropy, Sink };

class AtlasView : public QWidget {
    Q_OBJECT
public:
    explicit AtlasView(QWidget* parent = nullptr);

    // `group` query heads share one KV head. Heads may come in any order and may be incomplete (the rest is
    // drawn as places still empty). Null empties the view.
    void setHeads(std::shared_ptr<const std::vector<HeadSummary>> heads, int group);
    void setSelected(int layer, int head);
    void setSort(AtlasSort sort);
    AtlasSort sort() const { return m_sort; }
    void setColourMap(ColourMap map);
    void setEmptyText(const QString& text);
    // "sort: missed mass ▾", for a panel's header; stays in step with setSort.
    QComboBox* createSortControl(QWidget* parent);

    QRectF cellRect(int layer, int head) const;  // of the thumbnail, null where there is none
    QImage renderToImage(QSize size) const;
    QString toCsv() const;  // layer,head,kv_head,missed,entropy,sink

    QSize sizeHint() const override { return {330, 480}; }
    QSize minimumSizeHint() const override { return {160, 160}; }

Q_SIGNALS:
    void headPicked(int layer, int head);
    void sortChanged(fovea::AtlasSort sort);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    struct Place {
        int summary;    // index into *m_heads
        QRectF image;   // the thumbnail
    };
    struct Layout {
        std::vector<Place> places;  // in reading order
        int columns = 0;
        double side = 0;
        QRectF area;
    };
    Layout layoutFor(QSizeF size) const;
    void drawInto(QPainter& painter, const Layout& layout, QSizeF size) const;
    void drawPlace(QPainter& painter, const Place& place) const;
    void drawLabels(QPainter& painter, const Layout& layout) const;
    void relayout();
    void makeImages();
    int placeAt(const QPointF& position) const;
    int selectedPlace() const;
    double figure(const HeadSummary& head) const;

    std::shared_ptr<const std::vector<HeadSummary>> m_heads;
    std::vector<QImage> m_images;  // same order as *m_heads
    int m_group = 1, m_layers = 0, m_headsPerLayer = 0;
    float m_missedMax = 0;
    int m_selectedLayer = -1, m_selectedHead = -1;
    AtlasSort m_sort = AtlasSort::Layout;
    ColourMap m_map = ColourMap::Viridis;
    QString m_emptyText;
    Layout m_layout;
};

}  // namespace fovea
