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

    QRectF cellRect(int layer, int head) const; // of the thumbnail, null where there is none
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size) const;
    QString toCsv() const; // layer,head,kv_head,missed,entropy,sink

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
        int summary;  // index into *m_heads
        QRectF image; // the thumbnail
    };
    struct Layout {
        std::vector<Place> places; // in reading order
        int columns = 0;           // places per line
        QSizeF cell;               // of a thumbnail
        int textLines = 0;         // below each: name, figure
        QSizeF size;
    };
    Layout layoutFor(QSizeF size) const;
    void placeByLayer(Layout& layout) const;
    void placeRanked(Layout& layout) const;
    QImage thumbnail(const HeadSummary& head, QSize size) const;
    void drawInto(QPainter& painter, const Layout& layout, double ratio) const;
    void drawPlace(QPainter& painter, const Layout& layout, const Place& place, double ratio) const;
    void drawGroups(QPainter& painter, const Layout& layout) const;
    void relayout();
    int placeAt(const QPointF& position) const;
    int selectedPlace() const;
    void pick(int place);
    double figure(const HeadSummary& head) const;
    QString figureText(const HeadSummary& head) const;
    QString describe(const HeadSummary& head) const;

    std::shared_ptr<const std::vector<HeadSummary>> m_heads;
    int m_group = 1, m_layers = 0, m_headsPerLayer = 0;
    double m_missedScale = 0; // a full bar; 0: nothing was missed anywhere
    int m_selectedLayer = -1, m_selectedHead = -1;
    AtlasSort m_sort = AtlasSort::Layout;
    ColourMap m_map = ColourMap::Viridis;
    QString m_emptyText;
    Layout m_layout;
    mutable std::vector<QImage> m_images; // of *m_heads at the layout's size, made when first drawn
    mutable QSize m_imageSize;
};

} // namespace fovea
