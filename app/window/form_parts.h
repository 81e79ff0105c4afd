#pragma once
// What the forms of tool windows are put together of.

#include <QString>

class QLabel;
class QLayout;
class QSpinBox;
class QToolButton;
class QWidget;

namespace fovea {

// `atLowest` stands in place of the lowest number.
QSpinBox* wholeNumber(int low, int high, int value, const QString& tip, const QString& atLowest = {});
QLabel* heading(const QString& text);
QToolButton* chooseButton(const QString& tip); // "Choose…"
QLayout* besideButton(QWidget* field, QWidget* button);
// Small and muted, as wide as there is room.
QLabel* noteLabel();

} // namespace fovea
