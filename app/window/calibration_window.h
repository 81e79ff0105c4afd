#pragma once
// Tools ▸ Calibrate: what is to be learnt from which text, with its progress and what came of it below. "Use it" makes it
// plan B's, or opens the model that it left.

#include <QWidget>

#include "app/window/calibration_run.h"

class QLabel;
class QProgressBar;
class QPushButton;

namespace fovea {

class CalibrationForm;

class CalibrationWindow : public QWidget {
    Q_OBJECT

public:
    // `program`: the fovea that calibrates; empty: this one.
    explicit CalibrationWindow(QWidget* parent = nullptr, const QString& program = {});
    ~CalibrationWindow() override;

    CalibrationForm& form() { return *m_form; }
    CalibrationRun& run() { return m_run; }
    QPushButton& startButton() { return *m_start; }
    QPushButton& stopButton() { return *m_stop; }
    QPushButton& useButton() { return *m_use; }
    QString statusText() const;

Q_SIGNALS:
    // Plan B is to have this slot: "weights=gptq:bits=3,group=128".
    void slotWanted(const QString& slot);
    void openModelRequested(const QString& folder);

private:
    void lay();
    void wire();
    void start();
    void use();
    void showState();
    bool foundByPlans() const;
    void say(const QString& line, bool bad = false);

    CalibrationRun m_run;
    CalibrationForm* m_form;
    QLabel *m_notes, *m_status;
    QProgressBar* m_progress;
    QPushButton *m_start, *m_stop, *m_use;
    QString m_failure; // of the last run; empty: none
};

class MainWindow;
// The window's own, made when it is first asked for. With a method of `named`, that one is filled in.
CalibrationWindow* showCalibration(MainWindow& window, const CalibrationRequest& named = {});

} // namespace fovea
