#pragma once
// Tools ▸ Sweep plans: the task and the plans at the left; quality against bytes and the table at the right while they
// come in. A click on a point or a row makes it plan B.

#include <QWidget>

#include <functional>
#include <string>

#include "app/window/job_runner.h"
#include "app/window/sweep_run.h"

class QLabel;
class QProgressBar;
class QPushButton;
class QToolButton;

namespace fovea {

class MainWindow;
class PanelFrame;
class SweepChart;
class SweepForm;
class SweepList;

class SweepWindow : public QWidget {
    Q_OBJECT

public:
    explicit SweepWindow(QWidget* parent = nullptr);
    ~SweepWindow() override;

    void setModel(std::shared_ptr<const LoadedModel> model);
    // Bytes that a sweep may hold when it is begun; 0: no limit.
    void setBudget(std::function<std::int64_t()> budget) { m_budget = std::move(budget); }

    SweepForm& form() { return *m_form; }
    SweepRun& run() { return m_run; }
    SweepChart& chart() { return *m_chart; }
    SweepList& list() { return *m_list; }
    QPushButton& startButton() { return *m_start; }
    QPushButton& stopButton() { return *m_stop; }
    QString statusText() const;
    // Without asking; a failure arrives as one line in the status.
    void savePicture(const QString& path); // .png, .svg or .pdf
    void saveTable(const QString& path);

Q_SIGNALS:
    void planPicked(const QString& plan);
    void saved(const QString& path);

private:
    void lay();
    QWidget* makeFormSide();
    QWidget* makeChartSide();
    void wire();
    void start();
    void pick(const QString& plan);
    void showTable();
    void showState();
    void say(const QString& line, bool bad = false);
    void write(const QString& path, std::function<std::string()> make);

    SweepRun m_run;
    std::function<std::int64_t()> m_budget = [] { return 0; };
    JobRunner m_jobs; // exports
    SweepForm* m_form;
    SweepChart* m_chart;
    SweepList* m_list;
    PanelFrame* m_frame;
    QPushButton *m_start, *m_stop;
    QProgressBar* m_progress;
    QLabel* m_status;
    QToolButton *m_picture, *m_csv;
};

// A plan that was picked elsewhere becomes plan B; the status line says so, or why not.
void takeAsPlanB(MainWindow& window, const QString& plan);

// The window's own, made when it is first asked for; plans that are picked become its plan B.
SweepWindow* showSweep(MainWindow& window);

} // namespace fovea
