#pragma once
// What is swept: the task, how much of it, and the plans with braces for what varies.

#include <QWidget>

#include "app/window/sweep_run.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QSpinBox;
class QToolButton;

namespace fovea {

class SweepForm : public QWidget {
    Q_OBJECT

public:
    explicit SweepForm(QWidget* parent = nullptr);

    // The model that plans are looked at against; null: none is open.
    void setModel(std::shared_ptr<const LoadedModel> model);
    SweepRequest request() const;
    void setRequest(const SweepRequest& request); // its model is left
    void setEditable(bool editable);
    // Why this cannot be swept, as a sentence; empty: it can.
    QString refusal() const;

Q_SIGNALS:
    void changed();

private:
    void makeFields();
    void lay();
    void showOutlook();
    void choose(QLineEdit* into, bool save);

    std::shared_ptr<const LoadedModel> m_model;
    SweepOutlook m_outlook;
    QComboBox* m_task;
    QSpinBox *m_length, *m_samples, *m_seed, *m_pairs, *m_prompt;
    QLineEdit *m_text, *m_out;
    QToolButton *m_chooseText, *m_chooseOut;
    QPlainTextEdit* m_plans;
    QLabel *m_facts, *m_about;
};

} // namespace fovea
