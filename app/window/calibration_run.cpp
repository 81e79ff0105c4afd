#include "app/window/calibration_run.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <utility>

#include "app/window/thread_share.h"

namespace fovea {

namespace {

const QLatin1String kErrorMark("fovea: ");

QStringList argumentsOf(const CalibrationRequest& request) {
    const auto text = [](const std::filesystem::path& path) { return QString::fromStdString(path.string()); };
    QStringList arguments{QStringLiteral("calibrate"),
                          QStringLiteral("--json"),
                          request.ofStore ? QStringLiteral("--store") : QStringLiteral("--weights"),
                          QString::fromStdString(request.method),
                          QStringLiteral("--model"),
                          text(request.model),
                          QStringLiteral("--blocks"),
                          QString::number(request.blocks.blocks),
                          QStringLiteral("--length"),
                          QString::number(request.blocks.length),
                          QStringLiteral("--seed"),
                          QString::number(request.blocks.seed),
                          QStringLiteral("--threads"), // the interface keeps its core
                          QString::number(engineThreads())};
    if (!request.text.empty())
        arguments << QStringLiteral("--text") << text(request.text);
    if (!request.to.empty())
        arguments << QStringLiteral("--to") << text(request.to);
    if (request.ofStore && !request.weighted)
        arguments << QStringLiteral("--unweighted");
    return arguments;
}

} // namespace

CalibrationRun::CalibrationRun(QString program, QObject* parent) : ProgramRun(std::move(program), parent) {}

void CalibrationRun::start(const CalibrationRequest& request) {
    if (running())
        return;
    m_request = request;
    m_notes.clear();
    m_stage.clear();
    m_made.clear();
    m_fraction = m_seconds = 0;
    run(argumentsOf(request));
}

// JSON for each part that is done, sentences for what there is to know; the last one may be why it failed.
void CalibrationRun::takeLine(const QByteArray& line) {
    const QJsonObject json = QJsonDocument::fromJson(line).object();
    if (json.isEmpty()) {
        m_notes << QString::fromUtf8(line);
        return;
    }
    const int done = json.value(QLatin1String("done")).toInt(), all = json.value(QLatin1String("of")).toInt();
    m_stage = tr("%1 %2 of %3").arg(json.value(QLatin1String("kind")).toString()).arg(done).arg(all);
    m_fraction = all > 0 ? static_cast<double>(done) / all : 0;
}

void CalibrationRun::ended(int status, bool crashed, bool stopped) {
    const QJsonObject result = QJsonDocument::fromJson(process().readAllStandardOutput()).object();
    QString why;
    if (!m_notes.isEmpty() && m_notes.last().startsWith(kErrorMark))
        why = m_notes.takeLast().mid(kErrorMark.size());
    if (status == 0 && !crashed) {
        m_made = result.value(QLatin1String(m_request.ofStore ? "file" : "folder")).toString();
        m_seconds = result.value(QLatin1String("seconds")).toDouble();
    } else if (crashed && !stopped) {
        Q_EMIT failed(tr("The calibration was killed; nothing was written."));
    } else if (!stopped) {
        Q_EMIT failed(why.isEmpty() ? tr("The calibration failed.") : why);
    }
}

} // namespace fovea
