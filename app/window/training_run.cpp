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

TrainingRun::TrainingRun(QString program, QObject* parent) : ProgramRun(std::move(program), parent) {
    process().setStandardOutputFile(QProcess::nullDevice()); // the log says more
    m_again.setInterval(kLookEveryMs);
    connect(&m_again, &QTimer::timeout, this, &TrainingRun::look);
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
    m_lastError.clear();
    run(argumentsOf(options));
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

// JSON: entries of the log, which are read there, and notes.
void TrainingRun::takeLine(const QByteArray& line) {
    const QJsonObject json = QJsonDocument::fromJson(line).object();
    if (json.isEmpty())
        m_lastError = QString::fromUtf8(line);
    else if (json.value(QLatin1String("kind")) == QLatin1String("note"))
        Q_EMIT noted(json.value(QLatin1String("text")).toString());
}

void TrainingRun::ended(int status, bool crashed, bool) {
    if (crashed)
        Q_EMIT failed(tr("The training was killed; its last state can be resumed."));
    else if (status != 0)
        Q_EMIT failed(m_lastError.isEmpty() ? tr("The training failed.") : m_lastError);
    look();
}

} // namespace fovea
