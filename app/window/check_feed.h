#pragma once
// The Check panel's work: both backends under plan B in a lane of their own, with progress and cancel; what is on
// screen when plan, prompt or model change is marked as of before.

#include <QObject>
#include <QString>

#include "app/window/job_runner.h"

namespace fovea {

class CheckPanel;
class Document;

class CheckFeed : public QObject {
    Q_OBJECT

public:
    CheckFeed(Document& document, JobRunner& jobs, CheckPanel& panel, QObject* parent = nullptr);

private:
    void start(int steps);
    void cancel();
    void changed();
    // What can be checked, as a sentence that says why not; empty: it can.
    QString trouble(int steps) const;

    Document& m_document;
    JobRunner& m_jobs;
    CheckPanel& m_panel;
};

} // namespace fovea
