#pragma once
// The four pictures of the inspector, painted by hand: a slider drags through them, so a full repaint at 1024
// tokens stays under 5 ms.

#include <QWidget>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/engine/replay.h"

namespace fovea {

class StagesView : public QWidget {
    Q_OBJECT
public:
    explicit StagesView(QWidget* parent = nullptr);

    void setStages(std::shared_ptr<const QueryStages> stages);
    const QueryStages* stages() const { return m_stages.get(); }

    // Every number in the picture: "stage,index,value,…" in four blocks.
    QString toCsv() const;
    void render(QPainter& painter, const QSize& size) const;

    QSize sizeHint() const override { return {320, 430}; }
    QSize minimumSizeHint() const override { return {220, 320}; }

protected:
    void paintEvent(QPaintEvent*) override;
    bool event(QEvent*) override;  // tool tips name the bar or the token under the pointer

private:
    std::shared_ptr<const QueryStages> m_stages;
    std::vector<std::uint8_t> m_isChosen;       // per key
    std::vector<std::int32_t> m_byWeight;       // chosen, heaviest first, as indices into chosen
};

}  // namespace fovea
