#include "views/panels/flat_combo.h"

#include <QAbstractItemView>
#include <QPainter>
#include <QWheelEvent>

#include "views/theme.h"

namespace fovea {

FlatCombo::FlatCombo(QWidget* parent) : QComboBox(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    setSizeAdjustPolicy(AdjustToContents);
    connect(this, &QComboBox::currentTextChanged, this, &FlatCombo::updateGeometry);
}

QSize FlatCombo::sizeHint() const {
    return {fontMetrics().horizontalAdvance(currentText()) + 20, fontMetrics().height() + 3};
}

void FlatCombo::paintEvent(QPaintEvent*) {
    const auto& t = theme();
    QPainter painter(this);
    const auto text = fontMetrics().elidedText(currentText(), Qt::ElideRight, width() - 16);
    painter.setPen(!isEnabled() ? t.faint : hasFocus() ? t.accent : m_muted ? t.mutedText : t.text);
    painter.drawText(rect(), Qt::AlignLeft | Qt::AlignVCenter, text);
    if (count() < 2)
        return; // nothing to choose, and no promise of it
    painter.setPen(isEnabled() ? t.mutedText : t.faint);
    painter.drawText(rect().adjusted(fontMetrics().horizontalAdvance(text) + 5, 0, 0, 0),
                     Qt::AlignLeft | Qt::AlignVCenter, QStringLiteral("▾"));
}

void FlatCombo::showPopup() {
    int widest = 0;
    for (int i = 0; i < count(); ++i)
        widest = std::max(widest, fontMetrics().horizontalAdvance(itemText(i)));
    view()->setMinimumWidth(widest + 40);
    QComboBox::showPopup();
}

void FlatCombo::wheelEvent(QWheelEvent* event) {
    event->ignore();
} // the panel scrolls

} // namespace fovea
