#pragma once
// What the user chooses once and for all: look, memory, threads, where models lie, how tokens are chosen by default.

#include <QDialog>

#include "app/window/preferences.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QSpinBox;

namespace fovea {

class SettingsDialog : public QDialog {
    Q_OBJECT

public:
    explicit SettingsDialog(const Preferences& preferences, QWidget* parent = nullptr);

    Preferences preferences() const; // as the fields stand

Q_SIGNALS:
    void chosen(const fovea::Preferences& preferences);

private:
    QWidget* look();
    QWidget* memory();
    QWidget* engine();
    QWidget* models();
    QWidget* sampling();
    void showBudget();
    void fill(const Preferences& preferences);

    Preferences m_before;
    QComboBox* m_theme;
    QSpinBox* m_memoryShare;
    QLabel* m_memoryBytes;
    QSpinBox* m_capture;
    QSpinBox* m_threads;
    QCheckBox* m_leaveCore;
    QLineEdit* m_modelFolder;
    QDoubleSpinBox* m_temperature;
    QSpinBox* m_topK;
    QDoubleSpinBox* m_topP;
    QSpinBox* m_seed;
};

} // namespace fovea
