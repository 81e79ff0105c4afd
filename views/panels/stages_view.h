#pragma once
// The four pictures of the inspector, painted by hand: a slider drags through them, so a full repaint at 1024
// tokens stays under 5 ms.

#include <QWidget>

#include <memory>

#include "core/engine/replay.h"
#include "views/panels/stages_paint.h"

namespace fovea {

class StagesView : public QWidget {
    Q_OBJECT
public:
    explicit StagesView(QWidget* parent = nullptr);

    void setStages(std::shared_ptr<const QueryStages> stages);
    const QueryStages* stages() const { return m_stages.get(); }

    // Every number in the picture: "stage,index,value,second,chosen", a line each.
    QString toCsv() const;
    void paintInto(QPainter& painter, const QSize& size) const;

    QSize sizeHint() const override { return {320, 430}; }
    QSize minimumSizeHint() const override { return {220, 320}; }

protected:
    void paintEvent(QPaintEvent*) override;
    bool event(QEvent*) override; // tool tips name the bar or the token under the pointer

private:
    std::shared_ptr<const QueryStages> m_stages;
    StagesPicture m_picture;
};

} // namespace fovea
