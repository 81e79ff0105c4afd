#pragma once
// A sweep that runs in the window: rows as they come, kept in a table file where one is named, and gone on with where
// an earlier one of the same arguments ended.

#include <QObject>
#include <QString>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/window/job_runner.h"
#include "core/tasks/sweep_table.h"
#include "core/tasks/task.h"

namespace fovea {

struct LoadedModel;

struct SweepRequest {
    std::shared_ptr<const LoadedModel> model;
    TaskOptions task; // without its text
    std::filesystem::path text;
    int samples = 8;
    std::vector<std::string> templates;
    std::filesystem::path out; // empty: the table is kept on screen alone
    std::int64_t memoryBudget = 0; // bytes; 0: no limit
};

class SweepRun : public QObject {
    Q_OBJECT

public:
    explicit SweepRun(QObject* parent = nullptr);

    void start(const SweepRequest& request);
    void stop(); // what is done stays
    bool running() const { return m_jobs.busy(Lane::Engine); }
    bool endedEarly() const { return m_endedEarly; }
    const SweepTable& table() const { return m_table; }
    double fraction() const { return m_fraction; }

Q_SIGNALS:
    void tableChanged();
    void stateChanged(); // running, fraction
    void failed(const QString& line);

private:
    void take(const SweepTable& table);

    SweepTable m_table;
    double m_fraction = 0;
    bool m_endedEarly = false;
    JobRunner m_jobs; // ends before what its work touches
};

// The plans that the templates stand for, how many of them the model refuses, and the first reason; or why the
// templates cannot be read.
struct SweepOutlook {
    int plans = 0, refused = 0;
    QString why; // of the first refused
    bool readable = true;
};
SweepOutlook outlookOf(const std::vector<std::string>& templates, const ModelSpec* spec);

} // namespace fovea
