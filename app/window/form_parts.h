#pragma once
// What the forms of tool windows are put together of.

#include <QString>

class QLabel;
class QLayout;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QToolButton;
class QWidget;

namespace fovea {

class PanelFrame;

// `atLowest` stands in place of the lowest number.
QSpinBox* wholeNumber(int low, int high, int value, const QString& tip, const QString& atLowest = {});
QLabel* heading(const QString& text);
QToolButton* chooseButton(const QString& tip); // "Choose…"
QLayout* besideButton(QWidget* field, QWidget* button);
// Small and muted, as wide as there is room.
QLabel* noteLabel();
// From 0 to 1000, a line; it keeps its room while it is hidden.
QProgressBar* thinProgress();
// The side of a tool window that asks: what scrolls `form`, and below it what starts and stops.
PanelFrame* formSide(const QString& title, QWidget* form, QPushButton* start, QPushButton* stop, int width);

} // namespace fovea
