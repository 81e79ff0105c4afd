#pragma once
// What a model's tensors are like, layer by layer: AbsMax, standard deviation and kurtosis of weights, activations, keys and
// values, each on a logarithmic axis of its own.

#include <QImage>
#include <QWidget>

#include <memory>

#include "core/study/statistics_table.h"

namespace fovea {

class StatisticsChart : public QWidget {
    Q_OBJECT
public:
    explicit StatisticsChart(QWidget* parent = nullptr);

    void setStatistics(StatisticsTable table);
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;

protected:
    void paintEvent(QPaintEvent*) override;

private:
    StatisticsTable m_table;
};

} // namespace fovea
