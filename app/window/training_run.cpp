#include "app/window/training_run.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <filesystem>
#include <type_traits>
#include <utility>

#include "core/train/state.h"
#include "core/train/train_options.h"

namespace fovea {

namespace {

constexpr int kLookEveryMs = 500;
constexpr int kPatienceMs = 5000; // for a step and its state when the window closes

QStringList argumentsOf(const TrainOptions& options) {
    QStringList arguments{QStringLiteral("train"), QStringLiteral("--json"), QStringLiteral("--out"),
                          QString::fromStdString(options.out.string())};
    if (options.begin == Begin::Resume)
        return arguments << QStringLiteral("--resume");
    if (options.begin == Begin::Fresh)
        arguments << QStringLiteral("--fresh");
    forEachTrainOption(options, [&](const char* name, const auto& value, bool) {
        using Value = std::decay_t<decltype(value)>;
        const QString option = QStringLiteral("--") + QLatin1String(name);
        if constexpr (std::is_same_v<Value, bool>) {
            if (value)
                arguments << option;
        } else if constexpr (std::is_same_v<Value, double>) {
            arguments << option << QString::number(value, 'g', 12);
        } else if constexpr (std::is_arithmetic_v<Value>) {
            arguments << option << QString::number(value);
        } else {
            for (const std::filesystem::path& file : value)
                arguments << option << QString::fromStdString(file.string());
        }
    });
    return arguments;
}

// Everything that takes the disk's time. `before` is what was seen last, so that curves are made only of
// news.
struct Look {
    std::optional<SeenTraining> changed;
};

Look lookInto(const std::filesystem::path& folder, TrainingLogReader& reader, const SeenTraining& before,
              bool first) {
    SeenTraining seen = before;
    std::error_code ignored;
    const bool hasLog = std::filesystem::exists(reader.file(), ignored);
    const bool hasState = std::filesystem::exists(trainingStateIn(folder), ignored);
    seen.hasModel = std::filesystem::exists(folder / "config.json", ignored);
    seen.written = hasLog && isTrainingLogWritten(reader.file());
    seen.trouble.clear();
    bool news = false;
    try {
        news = hasLog && reader.poll();
        if (hasState && (first || !before.unfinished))
            seen.unfinished = unfinishedTraining(folder);
        if (!hasState)
            seen.unfinished.reset();
    } catch (const std::exception& error) {
        seen.trouble = QString::fromUtf8(error.what());
        seen.unfinished.reset();
    }
    if (news || first || (!hasLog && !before.entries.empty())) {
        seen.entries = hasLog ? reader.entries() : std::vector<TrainingEntry>();
        seen.curves = lossCurves(seen.entries);
        news = true;
    }
    const bool same = !news && seen.written == before.written && seen.hasModel == before.hasModel &&
                      seen.trouble == before.trouble &&
                      seen.unfinished.has_value() == before.unfinished.has_value();
    return same ? Look{} : Look{std::move(seen)};
}

} // namespace

TrainingRun::TrainingRun(QString program, QObject* parent) : QObject(parent), m_program(std::move(program)) {
    m_process.setStandardOutputFile(QProcess::nullDevice()); // the log says more
    connect(&m_process, &QProcess::readyReadStandardError, this, &TrainingRun::readErrors);
    connect(&m_process, &QProcess::finished, this,
            [this](int status, QProcess::ExitStatus how) { ended(status, how == QProcess::CrashExit); });
    connect(&m_process, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error != QProcess::FailedToStart)
            return; // ended() says it
        Q_EMIT failed(tr("%1 cannot be started: %2").arg(m_program, m_process.errorString()));
        Q_EMIT stateChanged();
    });
    m_again.setInterval(kLookEveryMs);
    connect(&m_again, &QTimer::timeout, this, &TrainingRun::look);
}

TrainingRun::~TrainingRun() {
    m_process.disconnect(this);
    if (!running())
        return;
    m_process.terminate();
    m_process.waitForFinished(kPatienceMs); // after that the state of a minute ago must do
}

void TrainingRun::watch(const std::filesystem::path& folder) {
    if (running() || folder == m_folder)
        return;
    m_folder = folder;
    m_reader.reset();
    m_seen = {};
    m_again.start();
    look();
}

void TrainingRun::start(const TrainOptions& options) {
    if (running())
        return;
    watch(options.out);
    m_errors.clear();
    m_lastError.clear();
    m_stopping = false;
    m_process.start(m_program, argumentsOf(options));
    Q_EMIT stateChanged();
}

void TrainingRun::stop() {
    if (!running() || m_stopping)
        return;
    m_stopping = true;
    m_process.terminate();
    Q_EMIT stateChanged();
}

void TrainingRun::look() {
    if (m_looking || m_folder.empty())
        return;
    m_looking = true;
    const bool first = !m_reader;
    if (first)
        m_reader = std::make_shared<TrainingLogReader>(trainingLogIn(m_folder));
    const auto work = [this, reader = m_reader, folder = m_folder, before = m_seen, first](Job&) -> Deliver {
        return [this, folder, look = lookInto(folder, *reader, before, first)] {
            m_looking = false;
            if (folder != m_folder)
                return this->look(); // another one was chosen meanwhile
            if (!look.changed)
                return;
            m_seen = *look.changed;
            Q_EMIT seenChanged();
        };
    };
    m_jobs.start(Lane::Disk, {}, Supersede::Nothing, work);
}

// JSON lines: entries of the log, which are read there, and notes.
void TrainingRun::readErrors() {
    m_errors += m_process.readAllStandardError();
    for (qsizetype end; (end = m_errors.indexOf('\n')) >= 0; m_errors.remove(0, end + 1)) {
        const QByteArray line = m_errors.left(end);
        const QJsonObject json = QJsonDocument::fromJson(line).object();
        if (json.isEmpty())
            m_lastError = QString::fromUtf8(line);
        else if (json.value(QLatin1String("kind")) == QLatin1String("note"))
            Q_EMIT noted(json.value(QLatin1String("text")).toString());
    }
}

void TrainingRun::ended(int status, bool crashed) {
    readErrors();
    m_stopping = false;
    if (crashed)
        Q_EMIT failed(tr("The training was killed; its last state can be resumed."));
    else if (status != 0)
        Q_EMIT failed(m_lastError.isEmpty() ? tr("The training failed.") : m_lastError);
    Q_EMIT stateChanged();
    look();
}

} // namespace fovea
