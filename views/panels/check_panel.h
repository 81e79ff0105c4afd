#pragma once
// Two backends held against each other under plan B: the verdict, the largest error and where it is, and a table of
// every step and layer. A click on a cell or on the largest error asks for that head.

#include <QWidget>

#include <cstdint>
#include <memory>

class QCheckBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QTableWidget;

namespace fovea {

struct CheckReport;
struct Deviation;
class PanelFrame;

class CheckPanel : public QWidget {
    Q_OBJECT
public:
    explicit CheckPanel(QWidget* parent = nullptr);

    // Which backends, and of which plan, stand in the frame's title row.
    void furnish(PanelFrame* frame);

    // Null: nothing was checked yet.
    void setReport(std::shared_ptr<const CheckReport> report);
    const std::shared_ptr<const CheckReport>& report() const { return m_report; }
    void setRunning(bool running);
    void setProgress(double fraction);
    // What is shown belongs to another plan, model or prompt.
    void setOutdated(bool outdated);
    // Why there is nothing to check, or what went wrong; empty: nothing to say.
    void setTrouble(const QString& line);
    void setReady(bool ready);

    int steps() const;
    bool withPrompt() const; // check how the prompt is read too
    QString verdict() const;
    QTableWidget& table() { return *m_table; }
    QPushButton& button() { return *m_start; }

Q_SIGNALS:
    void checkRequested(int steps);
    void cancelRequested();
    void picked(int layer, int head, qint64 position);

protected:
    void changeEvent(QEvent*) override;

private:
    void lay();
    void refresh();
    void showTable();
    void showVerdict();
    void showWays();
    void pick(const Deviation& deviation);

    std::shared_ptr<const CheckReport> m_report;
    PanelFrame* m_frame = nullptr;
    QPushButton* m_start;
    QSpinBox* m_steps;
    QCheckBox* m_withPrompt;
    QProgressBar* m_progress;
    QLabel *m_verdict, *m_largest, *m_facts, *m_ways;
    QTableWidget* m_table;
    QString m_trouble;
    bool m_running = false, m_outdated = false;
};

} // namespace fovea
