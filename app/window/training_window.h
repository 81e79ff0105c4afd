#pragma once
// Tools ▸ Train a model: the options at the left, both losses at the right while it runs. The training is a
// process of its own; the window follows its log, and as well that of a training which runs elsewhere or has
// ended.

#include <QImage>
#include <QWidget>

#include <functional>
#include <string>

#include "app/window/job_runner.h"
#include "app/window/training_run.h"

class QCheckBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QScrollArea;
class QToolButton;

namespace fovea {

class LossChart;
class PanelFrame;
class TrainingForm;

class TrainingWindow : public QWidget {
    Q_OBJECT

public:
    // `program`: the fovea that trains; empty: this one.
    explicit TrainingWindow(QWidget* parent = nullptr, const QString& program = {});
    ~TrainingWindow() override;

    // A folder, or the training.jsonl in it.
    void open(const QString& path);

    TrainingForm& form() { return *m_form; }
    TrainingRun& run() { return m_run; }
    LossChart& chart() { return *m_chart; }
    QPushButton& trainButton() { return *m_train; }
    QPushButton& resumeButton() { return *m_resume; }
    QPushButton& stopButton() { return *m_stop; }
    QString statusText() const;
    // Without asking; a failure arrives as one line in the status.
    void savePicture(const QString& path);
    void saveTable(const QString& path);

Q_SIGNALS:
    void openModelRequested(const QString& folder);
    void saved(const QString& path);

private:
    void lay();
    QWidget* makeChartSide();
    void wire();
    void begin(Begin how);
    void showSeen();
    void showFacts();
    void showButtons();
    void say(const QString& line, bool bad = false);
    void write(const QString& path, std::function<std::string()> make);

    TrainingRun m_run;
    JobRunner m_jobs; // exports
    TrainingForm* m_form;
    LossChart* m_chart;
    PanelFrame* m_frame;
    QScrollArea* m_scroll;
    QLabel *m_facts, *m_status;
    QProgressBar* m_progress;
    QPushButton *m_train, *m_resume, *m_stop, *m_openModel;
    QToolButton *m_openLog, *m_picture, *m_table;
    QCheckBox* m_logTokens;
    QString m_hint; // the status, when it says what is missing
    bool m_saidBad = false;
    bool m_formIsState = false; // the form shows the options of the state that is there
};

class MainWindow;
// The window's own, made when it is first asked for; models it makes are opened there.
TrainingWindow* showTraining(MainWindow& window);

} // namespace fovea
