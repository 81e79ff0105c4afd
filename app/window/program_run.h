#pragma once
// Work that the window has another fovea do: a process of its own, which tells of it line by line on standard error and ends
// what it is at when it is asked to. A window that closes asks so too, and waits a few seconds.

#include <QObject>
#include <QProcess>
#include <QString>
#include <QStringList>

namespace fovea {

class ProgramRun : public QObject {
    Q_OBJECT

public:
    ~ProgramRun() override;

    void stop();
    bool running() const { return m_process.state() != QProcess::NotRunning; }
    bool stopping() const { return m_stopping; }

Q_SIGNALS:
    void stateChanged(); // started, stopping, ended
    void failed(const QString& line);

protected:
    // `program`: the fovea that works.
    ProgramRun(QString program, QObject* parent);

    QProcess& process() { return m_process; }
    // Nothing may run yet.
    void run(const QStringList& arguments);

    // Of standard error, without its newline.
    virtual void takeLine(const QByteArray& line) = 0;
    // Of all lines that came at once.
    virtual void linesTaken() {}
    // After its last line; `stopped`: it was asked to. stateChanged() follows.
    virtual void ended(int status, bool crashed, bool stopped) = 0;

private:
    void readErrors();
    void end(int status, bool crashed);

    const QString m_program;
    QProcess m_process;
    QByteArray m_errors; // as far as no line is whole
    bool m_stopping = false;
};

} // namespace fovea
