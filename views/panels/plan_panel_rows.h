#pragma once
// The controls of a PlanPanel and how one is made; shared by its source files.

#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel.h"

class QCheckBox;
class QHBoxLayout;
class QLabel;
class QToolButton;

namespace fovea {

class FlatCombo;
class ScoredKeepRows;

struct PlanPanel::Rows {
    FlatCombo *share, *keep, *positions, *store, *read, *select;
    QWidget *kept, *positionsRow; // everything below KEEP that a method has, and that StreamingLLM alone has
    ScoredKeepRows* scored;       // what H2O, Scissorhands and SnapKV have
    QWidget* sparq;               // everything below READ that SparQ alone has
    ParameterSlider *sinks, *window, *r, *k, *local;
    QLabel *sinksValue, *windowValue, *keepPaper;
    QLabel *rValue, *kValue, *localValue, *paper, *weights, *activations;
    QCheckBox *automatic, *alpha, *tau;
    QToolButton *undo = nullptr, *redo = nullptr;
    QAction *undoAction = nullptr, *redoAction = nullptr;
};

// What a keep hears of a read that guesses is nothing where there is no such keep or read.
void forgetFeedback(AttentionPlan& plan);

QLabel* mutedLabel(const QString& text);
QHBoxLayout* rowOf(QWidget* left, QWidget* right);
// One question of the plan: a caption and below it the answer, on a strip of its own.
QVBoxLayout* addSection(QVBoxLayout* column, const QString& caption, QWidget* answer, const QString& tip,
                        QLabel* beside = nullptr);
// A slider below its name and its value; `between` stands beside the value.
ParameterSlider* addSlider(QVBoxLayout* column, const QString& name, ParameterSlider::Scale scale,
                           QLabel*& value, const QString& tip, QWidget* between = nullptr);

} // namespace fovea
