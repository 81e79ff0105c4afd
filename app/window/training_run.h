#pragma once
// A training that the window has started, or that it watches: whatever is known of it comes from the log and
// the state in its folder, so it does not matter who runs it, or whether it still runs. Asked to end, it saves.

#include <QTimer>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "app/window/job_runner.h"
#include "app/window/program_run.h"
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

class TrainingRun : public ProgramRun {
    Q_OBJECT

public:
    explicit TrainingRun(QString program, QObject* parent = nullptr);

    // Looks into another folder from now on; not while a training runs here.
    void watch(const std::filesystem::path& folder);
    const std::filesystem::path& folder() const { return m_folder; }
    // `begin` of the options decides what becomes of an unfinished training; when it is resumed, nothing else
    // of them counts but the folder.
    void start(const TrainOptions& options);
    const SeenTraining& seen() const { return m_seen; }

Q_SIGNALS:
    void seenChanged(); // the folder holds something else, or it is another folder
    void noted(const QString& line);

protected:
    void takeLine(const QByteArray& line) override;
    void ended(int status, bool crashed, bool stopped) override;

private:
    void look();

    JobRunner m_jobs;
    QTimer m_again;
    std::filesystem::path m_folder;
    std::shared_ptr<TrainingLogReader> m_reader; // of one job at a time
    SeenTraining m_seen;
    QString m_lastError;
    bool m_looking = false;
};

} // namespace fovea
