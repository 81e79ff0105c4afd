#pragma once
// What a store makes of one head's keys and values: the quantisation view. Fed with a StoredHead, which it draws and never
// computes; a click or the arrows choose the number whose group is shown.

#include <QImage>
#include <QString>
#include <QWidget>

#include <memory>

#include "core/engine/stored_head.h"
#include "views/maps/colour_map.h"

namespace fovea {

struct StoredScene;

class StoredView : public QWidget {
    Q_OBJECT
public:
    explicit StoredView(QWidget* parent = nullptr);

    // Null empties the view.
    void setHead(std::shared_ptr<const StoredHead> head);
    const std::shared_ptr<const StoredHead>& head() const { return m_head; }
    void setEmptyText(const QString& text);
    const QString& emptyText() const { return m_emptyText; }
    // The query: its token is looked at; what lies beyond the head's tokens is the newest of them.
    void setToken(qint64 token);
    qint64 token() const;
    int channel() const { return m_channel; }
    void setColourMap(ColourMap map);

    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;
    // "part,channel,bits,relative_error,…", a line for each channel of keys and of values.
    QString toCsv() const;

    QSize sizeHint() const override { return {700, 600}; }
    QSize minimumSizeHint() const override { return {240, 200}; }

Q_SIGNALS:
    void tokenPicked(qint64 token);
    void shown(); // it can be seen now, and may have to be fed

protected:
    bool event(QEvent*) override;
    void paintEvent(QPaintEvent*) override;
    void showEvent(QShowEvent*) override;
    void resizeEvent(QResizeEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    void keyPressEvent(QKeyEvent*) override;

private:
    StoredScene scene() const;
    void pick(qint64 token, int channel);

    std::shared_ptr<const StoredHead> m_head;
    QString m_emptyText;
    qint64 m_token = -1; // -1: the newest
    int m_channel = 0;
    ColourMap m_colours = ColourMap::Viridis;
};

} // namespace fovea
