#pragma once
// How many tokens a run makes and how they are chosen.

#include <QDialog>

class QCheckBox;
class QDoubleSpinBox;
class QLabel;
class QSpinBox;

namespace fovea {

class Document;

class RunSettingsDialog : public QDialog {
    Q_OBJECT

public:
    explicit RunSettingsDialog(Document& document, QWidget* parent = nullptr);

private:
    void accept() override;

    Document& m_document;
    QSpinBox* m_tokens;
    QDoubleSpinBox* m_temperature;
    QSpinBox* m_topK;
    QDoubleSpinBox* m_topP;
    QSpinBox* m_seed;
    QCheckBox* m_ignoreEnd;
    QLabel* m_refused;
};

} // namespace fovea
