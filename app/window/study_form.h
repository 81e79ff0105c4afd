#pragma once
// What a study is asked: how much of each task, of which text, and how much a plan that is advised may lose.

#include <QWidget>

#include "app/window/study_run.h"
#include "core/study/recommendation.h"

class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QSpinBox;
class QToolButton;

namespace fovea {

class StudyForm : public QWidget {
    Q_OBJECT

public:
    explicit StudyForm(QWidget* parent = nullptr);

    void setModel(std::shared_ptr<const LoadedModel> model); // null: none is open
    StudyRequest request() const;
    void setRequest(const StudyRequest& request); // its model is left
    // Can be changed at any time: it asks nothing of the model.
    StudyRule rule() const;
    void setRule(const StudyRule& rule);
    // But for the rule.
    void setEditable(bool editable);
    // Why there can be no study, as a sentence; empty: there can.
    QString refusal() const;

Q_SIGNALS:
    void changed();
    void ruleChanged();

private:
    void makeFields();
    void lay();

    std::shared_ptr<const LoadedModel> m_model;
    QSpinBox *m_samples, *m_length, *m_pairs, *m_seed;
    QDoubleSpinBox* m_within;
    QLineEdit *m_text, *m_out;
    QToolButton *m_chooseText, *m_chooseOut;
    QWidget* m_asked; // all but the rule
};

} // namespace fovea
