#pragma once
// The Check panel's work: both backends under plan B in a lane of their own, with progress and cancel; what is on
// screen when plan, prompt or model change is marked as of before.

#include <QObject>
#include <QString>

#include <cstdint>
#include <functional>

#include "app/window/job_runner.h"

namespace fovea {

class CheckPanel;
class Document;

class CheckFeed : public QObject {
    Q_OBJECT

public:
    // `budget`: bytes that a check may hold when it is asked for; 0: no limit.
    CheckFeed(Document& document, JobRunner& jobs, CheckPanel& panel, std::function<std::int64_t()> budget,
              QObject* parent = nullptr);

private:
    void start(int steps);
    void cancel();
    void changed();
    // What can be checked, as a sentence that says why not; empty: it can.
    QString trouble(int steps) const;
    QString beyondMemory(int steps) const;

    Document& m_document;
    JobRunner& m_jobs;
    CheckPanel& m_panel;
    std::function<std::int64_t()> m_budget;
};

} // namespace fovea
