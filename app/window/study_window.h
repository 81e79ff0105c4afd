#pragma once
// Tools ▸ Study quantisation: what is asked at the left; at the right what is advised, the losses or what the tensors are
// like as pictures, and the table, while rows come in. A click on a point or a row makes it plan B.

#include <QWidget>

#include <functional>
#include <string>

#include "app/window/job_runner.h"
#include "app/window/study_run.h"

class QLabel;
class QProgressBar;
class QPushButton;
class QStackedWidget;
class QToolButton;

namespace fovea {

class MainWindow;
class PanelFrame;
class StatisticsChart;
class StudyChart;
class StudyForm;
class StudyList;

class StudyWindow : public QWidget {
    Q_OBJECT

public:
    explicit StudyWindow(QWidget* parent = nullptr);
    ~StudyWindow() override;

    void setModel(std::shared_ptr<const LoadedModel> model);
    // Bytes that a study may hold when it is begun; 0: no limit.
    void setBudget(std::function<std::int64_t()> budget) { m_budget = std::move(budget); }

    StudyForm& form() { return *m_form; }
    StudyRun& run() { return m_run; }
    StudyChart& chart() { return *m_chart; }
    StatisticsChart& statistics() { return *m_statistics; }
    StudyList& list() { return *m_list; }
    QPushButton& startButton() { return *m_start; }
    QPushButton& stopButton() { return *m_stop; }
    QToolButton& statisticsButton() { return *m_showStatistics; }
    QString statusText() const;
    QString adviceText() const;
    // The picture that is shown, without asking; a failure arrives as one line in the status.
    void savePicture(const QString& path); // .png, .svg or .pdf
    void saveTable(const QString& path);

Q_SIGNALS:
    void planPicked(const QString& plan);
    void saved(const QString& path);

private:
    void lay();
    QWidget* makeFormSide();
    QWidget* makeResultSide();
    QWidget* makeAdvice();
    void makeHeader();
    void wire();
    void askForNames();
    void start();
    void pick(const QString& plan);
    void showResult();
    void showState();
    void savePictures(const QString& folder);
    void say(const QString& line, bool bad = false);
    void write(const QString& path, std::function<std::string()> make);

    StudyRun m_run;
    std::function<std::int64_t()> m_budget = [] { return 0; };
    JobRunner m_jobs; // exports
    StudyForm* m_form;
    QStackedWidget* m_pictures;
    StudyChart* m_chart;
    StatisticsChart* m_statistics;
    StudyList* m_list;
    PanelFrame* m_frame;
    QLabel *m_advice, *m_rule, *m_status;
    QPushButton *m_start, *m_stop;
    QProgressBar* m_progress;
    QToolButton *m_showLosses, *m_showStatistics, *m_picture, *m_csv;
};

// The window's own, made when it is first asked for; plans that are picked become its plan B.
StudyWindow* showStudy(MainWindow& window);

} // namespace fovea
