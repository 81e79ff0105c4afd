#include "app/window/saved_file.h"

#include <QCoreApplication>
#include <QFileDialog>
#include <QFileInfo>

#include <utility>

#include "app/window/job_runner.h"
#include "core/trace/file_writer.h"

namespace fovea {

QString askWhereToSave(QWidget* over, const QString& suggested, const QString& filter) {
    QString chosen;
    QString path = QFileDialog::getSaveFileName(over, QCoreApplication::translate("SavedFile", "Save"),
                                                suggested, filter, &chosen);
    if (!path.isEmpty() && QFileInfo(path).suffix().isEmpty())
        path += chosen.section(QLatin1String("(*"), 1).section(QLatin1Char(')'), 0, 0);
    return path;
}

void saveInBackground(JobRunner& jobs, const QString& path, std::function<std::string()> make,
                      std::function<void()> saved) {
    jobs.start(Lane::Disk, QCoreApplication::translate("SavedFile", "saving %1").arg(path),
               Supersede::Nothing, [path, make = std::move(make), saved = std::move(saved)](Job&) -> Deliver {
                   writeFile(path.toStdString(), make());
                   return saved;
               });
}

} // namespace fovea
