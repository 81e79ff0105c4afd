#include "app/window/model_menu.h"

#include <QAction>
#include <QDir>
#include <QFileInfo>
#include <QMenu>

#include <algorithm>
#include <set>

#include "app/window/bundled.h"
#include "app/window/job_runner.h"
#include "app/window/loaded_model.h"
#include "app/window/preferences.h"

namespace fovea {

namespace {

QString nameOf(const QString& path) {
    return QFileInfo(path).fileName();
}

// Two files of one name are told apart by the folders they lie in.
void tellApart(std::vector<ModelEntry>& entries) {
    std::multiset<QString> names;
    for (const ModelEntry& entry : entries)
        names.insert(entry.name);
    for (ModelEntry& entry : entries)
        if (names.count(entry.name) > 1 || entry.name == QLatin1String("model.bin"))
            entry.name = QFileInfo(entry.path).dir().dirName() + QLatin1Char('/') + nameOf(entry.path);
}

QString problemOf(const QString& path) {
    const QFileInfo info(path);
    if (!info.exists())
        return ModelMenu::tr("not there any more");
    if (!info.isReadable())
        return ModelMenu::tr("may not be read");
    if (info.isDir() && !QFileInfo::exists(path + QStringLiteral("/config.json")))
        return ModelMenu::tr("no config.json in it any more");
    return {};
}

} // namespace

std::vector<ModelEntry> findModels(const QString& folder, const QStringList& recent) {
    std::vector<ModelEntry> entries;
    const auto add = [&](ModelEntry::From from, const QString& path, const QString& problem) {
        const QString whole = QDir::cleanPath(path);
        const bool known = std::any_of(entries.begin(), entries.end(),
                                       [&](const ModelEntry& entry) { return entry.path == whole; });
        if (!known)
            entries.push_back({from, whole, nameOf(whole), problem});
    };
    const auto addAll = [&](ModelEntry::From from, const std::filesystem::path& models) {
        for (const std::filesystem::path& path : modelsIn(models))
            add(from, QString::fromStdString(path.string()), {});
    };
    addAll(ModelEntry::From::Bundled, bundledModels());
    if (!folder.isEmpty())
        addAll(ModelEntry::From::Folder, folder.toStdString());
    for (const QString& path : recent)
        add(ModelEntry::From::Recent, path, problemOf(path));
    tellApart(entries);
    return entries;
}

ModelMenu::ModelMenu(QMenu& menu, const QList<QAction*>& last, WindowMemory& memory, JobRunner& jobs,
                     QObject* parent)
    : QObject(parent), m_menu(menu), m_last(last), m_memory(memory), m_jobs(jobs) {
    menu.setToolTipsVisible(true);
    connect(&menu, &QMenu::aboutToShow, this, &ModelMenu::refresh);
    fill();
    refresh();
}

void ModelMenu::refresh() {
    m_jobs.start(Lane::Disk, tr("looking for models"), Supersede::Nothing,
                 [this, folder = m_memory.preferences().modelFolder,
                  recent = m_memory.recentModels()](Job&) -> Deliver {
                     return [this, entries = findModels(folder, recent)] {
                         m_entries = entries;
                         fill();
                     };
                 });
}

void ModelMenu::fill() {
    m_menu.clear();
    const ModelEntry* before = nullptr;
    for (const ModelEntry& entry : m_entries) {
        if (before && before->from != entry.from)
            m_menu.addSeparator();
        before = &entry;
        QString text = entry.name;
        text.replace(QLatin1Char('&'), QStringLiteral("&&"));
        if (!entry.problem.isEmpty())
            text += QStringLiteral(" — ") + entry.problem;
        QAction* action = m_menu.addAction(text);
        action->setToolTip(entry.path);
        action->setEnabled(entry.problem.isEmpty());
        connect(action, &QAction::triggered, this, [this, path = entry.path] { Q_EMIT chosen(path); });
    }
    if (before)
        m_menu.addSeparator();
    m_menu.addActions(m_last);
}

} // namespace fovea
