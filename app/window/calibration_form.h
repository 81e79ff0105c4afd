#pragma once
// What is to be calibrated, to be filled in: the method with its parameters, the text, where it is saved; and before
// anything runs what it will read and hold.

#include <QWidget>

#include <cstdint>
#include <functional>
#include <memory>

#include "app/window/calibration_run.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QSpinBox;
class QToolButton;

namespace fovea {

struct LoadedModel;

// What a refusal says that `fovea calibrate` makes, as in a request; an empty method where it says nothing of it.
CalibrationRequest calibrationNamed(const QString& line);

class CalibrationForm : public QWidget {
    Q_OBJECT

public:
    explicit CalibrationForm(QWidget* parent = nullptr);

    void setModel(std::shared_ptr<const LoadedModel> model);
    const std::shared_ptr<const LoadedModel>& model() const { return m_model; }
    // Bytes that a calibration may hold beside the model; 0: no limit.
    void setBudget(std::function<std::int64_t()> budget) { m_budget = std::move(budget); }

    CalibrationRequest request() const;
    // All but the model. A method that cannot be read leaves the fields as they are.
    void setRequest(const CalibrationRequest& request);
    // Of the request alone: which method, with which parameters.
    void setMethod(const CalibrationRequest& request);
    void setEditable(bool editable);
    // The first thing that is missing or does not fit, as a sentence; empty: it can be begun.
    const QString& refusal() const { return m_refusal; }
    QString facts() const;

Q_SIGNALS:
    void changed();

private:
    enum Method { Awq, Gptq, Smooth, Kvquant, Cq };

    Method method() const;
    bool ofStore() const { return method() == Kvquant || method() == Cq; }
    void makeFields();
    void lay();
    void showFields();
    void showOutlook();
    QString outlook(const TextBlocks& blocks, std::int64_t bytes);
    void choose(QLineEdit* into, bool save);

    std::shared_ptr<const LoadedModel> m_model;
    std::function<std::int64_t()> m_budget = [] { return 0; };
    QString m_refusal;
    QFormLayout* m_parameters;
    QComboBox *m_method, *m_bits, *m_group, *m_storeBits, *m_norm, *m_channels;
    QDoubleSpinBox *m_alpha, *m_outliers;
    QSpinBox *m_exact, *m_centroidBits, *m_recent, *m_blocks, *m_length, *m_seed;
    QCheckBox* m_weighted;
    QLineEdit *m_text, *m_to;
    QToolButton *m_chooseText, *m_chooseTo;
    QLabel *m_about, *m_facts;
};

} // namespace fovea
