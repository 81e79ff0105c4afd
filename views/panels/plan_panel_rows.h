#pragma once
// The controls of a PlanPanel and how one is made; shared by its source files.

#include <optional>
#include <string>

#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel.h"

class QCheckBox;
class QHBoxLayout;
class QLabel;
class QToolButton;

namespace fovea {

class FlatCombo;
class MixedStoreRows;
class RtnRows;
class ScoredKeepRows;

struct PlanPanel::Rows {
    FlatCombo *share, *pattern, *convert, *keep, *positions, *prefill, *store, *read, *select;
    QWidget *shared, *patternRow; // everything below SHARE that a share has, and that CLA's factor alone has
    QWidget *kept, *positionsRow; // everything below KEEP that a method has, and that StreamingLLM alone has
    ScoredKeepRows* scored;       // what H2O, Scissorhands and SnapKV have
    QWidget *sparq, *topv, *quest; // everything below READ that one method alone has
    ParameterSlider *factor, *sinks, *window, *r, *k, *local, *values, *page, *pages, *skip;
    QLabel *factorValue, *sharePaper, *shareNote;
    QToolButton* diagram;
    QWidget *windowRow, *moa, *oneSpan, *spansRow, *fixedLength; // of the newest tokens; what MoA has and parts of it
    ParameterSlider *spanAlpha, *spanBeta, *block, *minimum, *lengthNumber;
    QLabel *spanAlphaValue, *spanBetaValue, *blockValue, *minimumValue, *lengthValue, *spanSource;
    FlatCombo* length;
    QToolButton *oneForAll, *spanMap;
    QLabel *sinksValue, *windowValue, *keepPaper;
    QLabel *rValue, *kValue, *localValue, *paper;
    FlatCombo *weights, *acts, *actBits, *actAlpha;
    QWidget *actBitsRow, *actAlphaRow;
    RtnRows *storeRtn, *weightRtn;
    MixedStoreRows* storeMixed;
    FlatCombo* promptRows;
    QWidget* promptRow; // where the store makes codes, and the keep does not mask
    QLabel *storePaper, *weightsPaper, *actsPaper;
    QLabel *valuesValue, *pageValue, *pagesValue, *skipValue;
    QCheckBox *automatic, *alpha, *tau, *renormalise;
    QToolButton *undo = nullptr, *redo = nullptr;
    QAction *undoAction = nullptr, *redoAction = nullptr;
};

// What does not go with the rest any more: what a keep hears of a read that guesses, where there is no such keep or read,
// and how a prompt is read, where nothing can mask it or it is the paper's own way.
void forgetIdle(AttentionPlan& plan);

QLabel* mutedLabel(const QString& text);
QHBoxLayout* rowOf(QWidget* left, QWidget* right);
// One question of the plan: a caption and below it the answer, on a strip of its own.
QVBoxLayout* addSection(QVBoxLayout* column, const QString& caption, QWidget* answer, const QString& tip,
                        QLabel* beside = nullptr);
// A question beside the four of the cache, on one line; the paper of its answer below, which its owner hides where there is
// none.
QVBoxLayout* addSide(QVBoxLayout* column, const QString& caption, QWidget* answer, const QString& tip, QLabel* paper);
// Greys an entry out where its plan would be refused, and says why.
void offer(FlatCombo* box, int index, const std::optional<std::string>& whyNot);
// A name and a choice side by side, as one widget that can be hidden.
QWidget* choiceRow(QVBoxLayout* column, const QString& name, FlatCombo* choice, const QString& tip);
// A slider below its name and its value; `between` stands beside the value.
ParameterSlider* addSlider(QVBoxLayout* column, const QString& name, ParameterSlider::Scale scale,
                           QLabel*& value, const QString& tip, QWidget* between = nullptr);

} // namespace fovea
