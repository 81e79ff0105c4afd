#pragma once
// A combo box that reads as a line of text: "SparQ ▾". Flat in panels whose rows are words, not fields.

#include <QComboBox>

namespace fovea {

class FlatCombo : public QComboBox {
    Q_OBJECT
public:
    explicit FlatCombo(QWidget* parent = nullptr);

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {40, sizeHint().height()}; }

protected:
    void paintEvent(QPaintEvent*) override;
    void wheelEvent(QWheelEvent*) override;
};

}  // namespace fovea
