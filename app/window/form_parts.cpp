#include "app/window/form_parts.h"

#include <QCoreApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/window/scrolled.h"
#include "views/panel_frame.h"
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

QProgressBar* thinProgress() {
    auto* progress = new QProgressBar;
    progress->setRange(0, 1000);
    progress->setTextVisible(false);
    progress->setFixedHeight(4);
    QSizePolicy policy = progress->sizePolicy();
    policy.setRetainSizeWhenHidden(true);
    progress->setSizePolicy(policy);
    return progress;
}

PanelFrame* formSide(const QString& title, QWidget* form, QPushButton* start, QPushButton* stop, int width) {
    auto* buttons = new QHBoxLayout;
    buttons->setContentsMargins(12, 8, 12, 10);
    buttons->addWidget(start);
    buttons->addWidget(stop);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(scrolled(form), 1);
    column->addLayout(buttons);
    auto* frame = new PanelFrame(title);
    frame->setContent(content);
    frame->setFixedWidth(width);
    return frame;
}

} // namespace fovea
