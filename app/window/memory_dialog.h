#pragma once
// What a run or a model would hold, part by part against the budget, and the ways to hold less.

#include <QDialog>

#include "app/window/memory_verdict.h"

namespace fovea {

class MemoryDialog : public QDialog {
    Q_OBJECT

public:
    // `what` begins a sentence: "Opening llama-7b", "This run".
    MemoryDialog(const QString& what, const MemoryVerdict& verdict, QWidget* parent = nullptr);

Q_SIGNALS:
    void offerChosen(const fovea::MemoryOffer& offer);
    void goOnChosen(); // all the same

private:
    MemoryVerdict m_verdict;
};

} // namespace fovea
