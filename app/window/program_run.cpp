#include "app/window/program_run.h"

#include <utility>

namespace fovea {

namespace {

constexpr int kPatienceMs = 5000; // for a matrix in work, or a step and its state

}

ProgramRun::ProgramRun(QString program, QObject* parent) : QObject(parent), m_program(std::move(program)) {
    connect(&m_process, &QProcess::readyReadStandardError, this, &ProgramRun::readErrors);
    connect(&m_process, &QProcess::finished, this,
            [this](int status, QProcess::ExitStatus how) { end(status, how == QProcess::CrashExit); });
    connect(&m_process, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error != QProcess::FailedToStart)
            return; // end() says it
        Q_EMIT failed(tr("%1 cannot be started: %2").arg(m_program, m_process.errorString()));
        Q_EMIT stateChanged();
    });
}

ProgramRun::~ProgramRun() {
    m_process.disconnect(this);
    if (!running())
        return;
    m_process.terminate();
    if (!m_process.waitForFinished(kPatienceMs))
        m_process.kill(); // its files are whole or not there
}

void ProgramRun::run(const QStringList& arguments) {
    m_errors.clear();
    m_stopping = false;
    m_process.start(m_program, arguments);
    Q_EMIT stateChanged();
}

void ProgramRun::stop() {
    if (!running() || m_stopping)
        return;
    m_stopping = true;
    m_process.terminate();
    Q_EMIT stateChanged();
}

void ProgramRun::readErrors() {
    m_errors += m_process.readAllStandardError();
    for (qsizetype end; (end = m_errors.indexOf('\n')) >= 0; m_errors.remove(0, end + 1))
        takeLine(m_errors.left(end));
    linesTaken();
}

void ProgramRun::end(int status, bool crashed) {
    readErrors();
    ended(status, crashed, std::exchange(m_stopping, false));
    Q_EMIT stateChanged();
}

} // namespace fovea
