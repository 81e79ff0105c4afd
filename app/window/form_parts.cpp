#include "app/window/form_parts.h"

#include <QCoreApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QSpinBox>
#include <QToolButton>

#include "views/theme.h"

namespace fovea {

QSpinBox* wholeNumber(int low, int high, int value, const QString& tip, const QString& atLowest) {
    auto* box = new QSpinBox;
    box->setRange(low, high);
    box->setValue(value);
    box->setToolTip(tip);
    box->setSpecialValueText(atLowest);
    return box;
}

QLabel* heading(const QString& text) {
    auto* label = new QLabel(text);
    label->setFont(uiFont(12, true));
    label->setContentsMargins(0, 10, 0, 0);
    return label;
}

QToolButton* chooseButton(const QString& tip) {
    auto* button = new QToolButton;
    button->setText(QCoreApplication::translate("fovea::SweepForm", "Choose…"));
    button->setToolTip(tip);
    return button;
}

QLayout* besideButton(QWidget* field, QWidget* button) {
    auto* row = new QHBoxLayout;
    row->setSpacing(6);
    row->addWidget(field, 1);
    row->addWidget(button);
    return row;
}

QLabel* noteLabel() {
    auto* label = new QLabel;
    label->setWordWrap(true);
    label->setFont(uiFont(11));
    label->setProperty("role", "muted");
    return label;
}

} // namespace fovea
