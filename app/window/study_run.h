#pragma once
// A study that runs in the window: rows as they come, kept in a folder where one is named, and gone on with where an earlier
// one of the same arguments ended.

#include <QObject>
#include <QString>

#include <cstdint>
#include <filesystem>
#include <memory>

#include "app/window/job_runner.h"
#include "core/study/study.h"

namespace fovea {

struct LoadedModel;

struct StudyRequest {
    std::shared_ptr<const LoadedModel> model;
    StudyOptions options; // without its text
    std::filesystem::path text;
    std::filesystem::path out;     // folder; empty: the study is kept on screen alone
    std::int64_t memoryBudget = 0; // bytes; 0: no limit
};

class StudyRun : public QObject {
    Q_OBJECT

public:
    explicit StudyRun(QObject* parent = nullptr);

    void start(const StudyRequest& request);
    void stop(); // what is done stays
    bool running() const { return m_jobs.busy(Lane::Engine); }
    bool endedEarly() const { return m_endedEarly; }
    // Null before the first row.
    const std::shared_ptr<const StudyResult>& result() const { return m_result; }
    double fraction() const { return m_fraction; }

Q_SIGNALS:
    void resultChanged();
    void stateChanged();               // running, fraction
    void ended(const QString& folder); // all that was asked is there, in the folder where one was named
    void failed(const QString& line);

private:
    void take(std::shared_ptr<const StudyResult> result);

    std::shared_ptr<const StudyResult> m_result;
    double m_fraction = 0;
    bool m_endedEarly = false;
    JobRunner m_jobs; // ends before what its work touches
};

} // namespace fovea
