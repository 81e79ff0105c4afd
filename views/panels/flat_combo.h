#pragma once
// A combo box that reads as a line of text, as wide as what it says: "SparQ ▾". For panels and headers whose
// rows are words, not fields.

#include <QComboBox>

namespace fovea {

class FlatCombo : public QComboBox {
    Q_OBJECT
public:
    explicit FlatCombo(QWidget* parent = nullptr);

    void setMuted(bool muted) { m_muted = muted; } // as a header's other words
    void showPopup() override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {40, sizeHint().height()}; }

protected:
    void paintEvent(QPaintEvent*) override;
    void wheelEvent(QWheelEvent*) override;

private:
    bool m_muted = false;
};

} // namespace fovea
