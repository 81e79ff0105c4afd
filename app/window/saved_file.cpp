#include "app/window/saved_file.h"

#include <QCoreApplication>

#include <utility>

#include "app/window/job_runner.h"
#include "core/trace/file_writer.h"

namespace fovea {

void saveInBackground(JobRunner& jobs, const QString& path, std::function<std::string()> make,
                      std::function<void()> saved) {
    jobs.start(Lane::Disk, QCoreApplication::translate("SavedFile", "saving %1").arg(path), Supersede::Nothing,
               [path, make = std::move(make), saved = std::move(saved)](Job&) -> Deliver {
                   writeFile(path.toStdString(), make());
                   return saved;
               });
}

} // namespace fovea
