#pragma once
// A line of plain text that yields: where there is no room for all of it, it ends in "…", and its tool tip is the whole.

#include <QLabel>

namespace fovea {

class ElidedLabel : public QLabel {
    Q_OBJECT

public:
    explicit ElidedLabel(QWidget* parent = nullptr);

    QSize minimumSizeHint() const override;

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    bool fits() const;
};

} // namespace fovea
