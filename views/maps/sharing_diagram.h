#pragma once
// Who owns KV and who borrows it: a row per layer, an arc from each borrower to its owner, and beside them, drawn
// apart, what each layer holds (which shrinks with the owners) and what it reads per step (which does not). Bars are
// formula; the line below them has what was counted as well.

#include <QString>
#include <QWidget>

#include <cstdint>
#include <optional>
#include <vector>

namespace fovea {

// One plan's layers.
struct SharingLayers {
    struct Layer {
        int source = 0;                  // the layer whose KV it reads, itself where it owns its own
        std::int64_t held = 0, read = 0; // bytes by formula
    };
    struct Total {
        std::int64_t formula = 0;
        std::optional<std::int64_t> counted; // once there is a step to count
    };
    QString plan; // its text
    std::vector<Layer> layers;
    Total held, moved;       // of the whole cache; by the step, new rows and evictions included
    std::int64_t tokens = 0; // of the text at this step
    QString note;            // that an untrained conversion is shown; may be empty

    int owners() const;
    bool shares() const { return owners() < static_cast<int>(layers.size()); }
};

class SharingDiagram : public QWidget {
    Q_OBJECT
public:
    explicit SharingDiagram(QWidget* parent = nullptr);

    // B is drawn, A marked beside it where it holds or reads otherwise. No layers empty the view.
    void setPlans(SharingLayers a, SharingLayers b);
    void setSelected(int layer);
    void setEmptyText(const QString& text);

    QRectF rowRect(int layer) const;
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size) const;
    QSize pictureSize() const; // as wide as the view, no higher than what is drawn
    QString toCsv() const;     // plan,layer,source,held_bytes_formula,read_bytes_formula

    QSize sizeHint() const override { return {330, 480}; }
    QSize minimumSizeHint() const override { return {220, 160}; }

Q_SIGNALS:
    void layerPicked(int layer);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    struct Places {
        double pitch = 0, top = 0;           // of a row, of the first row
        double node = 0, held = 0, read = 0; // x of the nodes, left of the two columns of bars
        double bar = 0;                      // longest bar
        double foot = 0;                     // top of the lines below
        double width = 0, height = 0;
    };
    struct Bar;
    Places placesFor(QSizeF size) const;
    double centre(const Places& places, int layer) const { return places.top + (layer + .5) * places.pitch; }
    void drawInto(QPainter& painter, QSizeF size) const;
    void drawHead(QPainter& painter, const Places& places) const;
    void drawArcs(QPainter& painter, const Places& places) const;
    void drawRow(QPainter& painter, const Places& places, int layer) const;
    void drawBar(QPainter& painter, const Places& places, const Bar& bar) const;
    void drawFoot(QPainter& painter, const Places& places) const;
    void drawLegend(QPainter& painter, const Places& places, double top) const;
    int footLines() const;
    int layerAt(const QPointF& position) const;
    void pick(int layer);
    QString describe(int layer) const;
    std::int64_t most(std::int64_t SharingLayers::Layer::*figure) const;

    SharingLayers m_a, m_b;
    int m_selected = -1;
    QString m_emptyText;
};

} // namespace fovea
