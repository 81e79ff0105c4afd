#pragma once
// The menu of models: those that come with Fovea, those in the user's model folder, those opened lately. What
// is there is looked for in the background, since a folder may lie on a disk that is asleep or gone; a model
// that is missing is greyed, and says so.

#include <QObject>
#include <QString>

#include <vector>

class QAction;
class QMenu;

namespace fovea {

class JobRunner;
class WindowMemory;

struct ModelEntry {
    enum class From { Bundled, Folder, Recent };
    From from = From::Bundled;
    QString path, name;
    QString problem; // why it cannot be opened; empty where it can, as far as a look at it tells
};

// Looks at the disk: slow. `recent` paths stay in their order.
std::vector<ModelEntry> findModels(const QString& folder, const QStringList& recent);

class ModelMenu : public QObject {
    Q_OBJECT

public:
    // Fills `menu`; `last` stands below the models.
    ModelMenu(QMenu& menu, const QList<QAction*>& last, WindowMemory& memory, JobRunner& jobs,
              QObject* parent = nullptr);

    void refresh();

Q_SIGNALS:
    void chosen(const QString& path);

private:
    void fill();

    QMenu& m_menu;
    const QList<QAction*> m_last;
    WindowMemory& m_memory;
    JobRunner& m_jobs;
    std::vector<ModelEntry> m_entries;
};

} // namespace fovea
