#pragma once
// The controls of a PlanPanel; shared by its two source files, what it holds and how it is built.

#include "views/panels/plan_panel.h"

class QCheckBox;
class QLabel;
class QToolButton;

namespace fovea {

class FlatCombo;
class ParameterSlider;

struct PlanPanel::Rows {
    FlatCombo *share, *keep, *store, *read, *select;
    QWidget* sparq; // everything below READ that SparQ alone has
    ParameterSlider *r, *k, *local;
    QLabel *rValue, *kValue, *localValue, *paper, *weights, *activations;
    QCheckBox *automatic, *alpha, *tau;
    QToolButton *undo = nullptr, *redo = nullptr;
    QAction *undoAction = nullptr, *redoAction = nullptr;
};

} // namespace fovea
