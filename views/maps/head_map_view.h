#pragma once
// One head's attention, as deep as one cares to look: rows are queries, columns keys, colour the dense
// weight, and over it what a plan read of them.
//
// Mouse     wheel zooms about the cursor (Ctrl: keys only, Shift: queries only), left drag pans, right click
//           or a click without a drag picks query and key
// Keys      up and down nudge the query, left and right the key, Page up and down by 16, Home and End,
//           F fits, D fits the rows a plan read, + and − zoom, Ctrl+G asks for "go to"

#include <QImage>
#include <QPoint>
#include <QString>
#include <QWidget>
#include <memory>
#include <vector>

#include "views/maps/colour_map.h"
#include "views/maps/head_map_data.h"

namespace fovea {

class HeadMapView : public QWidget {
    Q_OBJECT
public:
    explicit HeadMapView(QWidget* parent = nullptr);
    ~HeadMapView() override;

    // Null empties the view. What is on screen stays where it is when the number of tokens does not change,
    // so that a slider's drag redraws in place.
    void setData(std::shared_ptr<const HeadMapData> data);
    void setTokens(std::vector<QString> tokens);
    void setQuery(int query); // −1: none; scrolls it into view
    int query() const;
    void setKey(int key); // −1: none
    void setScale(ColourScale scale);
    ColourScale scale() const;
    void setColourMap(ColourMap map);
    void setPlanLabel(const QString& label); // "B"
    void setOverlayVisible(bool visible);    // the plan's selection; on at first
    void setEmptyText(const QString& text);

    void fit();
    void fitPlanned(); // rows that a plan read, all keys
    void showRange(int firstQuery, int lastQuery, int firstKey, int lastKey); // inclusive

    // "rows: queries 380–508, columns: keys 0–508", for a panel's subtitle.
    QString rangeText() const;
    // "query 507 "oak" → key 12 "57": weight 0.031 (log10 −1.51), read by B: yes". Empty above the diagonal.
    QString describe(int query, int key) const;
    // The same for any point: over the bars at the right a row's missed mass, over the strip below a key's
    // share of reads. Empty where there is nothing to say.
    QString describeAt(const QPoint& position) const;
    // (query, key) under a point of this widget, or (−1, −1) outside the map. Above the diagonal is inside.
    QPoint cellAt(const QPointF& position) const; // x: key, y: query
    // Centre of a cell in widget coordinates (may lie outside the widget).
    QPointF positionOf(int query, int key) const;

    // The picture at another size, with scale and range printed below it. Tokens and cursor as on screen.
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size) const;
    // The cells in view: layer,head,query,key,weight,read; one line each, keys up to the query.
    QString toCsv() const;

    QSize sizeHint() const override { return {640, 480}; }
    QSize minimumSizeHint() const override { return {240, 180}; }

Q_SIGNALS:
    void queryPicked(int query);
    void keyPicked(int key);
    void rangeChanged();  // zoomed, panned, or other data: rangeText() is new
    void goToRequested(); // Ctrl+G

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void pick(const QPoint& cell);
    void viewChanged();

    struct State;
    std::unique_ptr<State> m;
};

} // namespace fovea
