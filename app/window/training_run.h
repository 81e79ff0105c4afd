#pragma once
// A training that the window has started, as a process of its own, or that it watches: whatever is known of
// it comes from the log and the state in its folder, so it does not matter who runs it, or whether it still
// runs.

#include <QObject>
#include <QProcess>
#include <QString>
#include <QTimer>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "app/window/job_runner.h"
#include "core/train/train.h"
#include "core/train/training_log.h"
#include "views/charts/loss_curves.h"

namespace fovea {

// What was last seen in the folder.
struct SeenTraining {
    std::vector<TrainingEntry> entries;
    LossCurves curves;
    std::optional<TrainOptions> unfinished; // of the state that can be resumed
    bool written = false;                   // somebody is training there
    bool hasModel = false;
    QString trouble; // why the log or the state cannot be read; empty: they can, or there are none
};

class TrainingRun : public QObject {
    Q_OBJECT

public:
    // `program`: the fovea that trains.
    explicit TrainingRun(QString program, QObject* parent = nullptr);
    ~TrainingRun() override; // what runs here is asked to save and end, and given a few seconds to

    // Looks into another folder from now on; not while a training runs here.
    void watch(const std::filesystem::path& folder);
    const std::filesystem::path& folder() const { return m_folder; }
    // `begin` of the options decides what becomes of an unfinished training; when it is resumed, nothing else
    // of them counts but the folder.
    void start(const TrainOptions& options);
    void stop(); // it saves first, and can be resumed

    bool running() const { return m_process.state() != QProcess::NotRunning; }
    bool stopping() const { return m_stopping; }
    const SeenTraining& seen() const { return m_seen; }

Q_SIGNALS:
    void seenChanged();  // the folder holds something else, or it is another folder
    void stateChanged(); // started, stopping, ended
    void noted(const QString& line);
    void failed(const QString& line);

private:
    void look();
    void readErrors();
    void ended(int status, bool crashed);

    const QString m_program;
    QProcess m_process;
    JobRunner m_jobs;
    QTimer m_again;
    std::filesystem::path m_folder;
    std::shared_ptr<TrainingLogReader> m_reader; // of one job at a time
    SeenTraining m_seen;
    QByteArray m_errors; // of the process, as far as no line is whole
    QString m_lastError;
    bool m_stopping = false;
    bool m_looking = false;
};

} // namespace fovea
