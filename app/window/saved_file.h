#pragma once

#include <QString>

#include <functional>
#include <string>

class QWidget;

namespace fovea {

class JobRunner;

// The file that the user names, with the ending of the kind that he chose where it has none: of "Documents (*.pdf)", .pdf.
// Empty: he would rather not.
QString askWhereToSave(QWidget* over, const QString& suggested, const QString& filter);

// Writes what `make` returns to `path` on the disk's lane, replacing it all at once; then calls `saved`. A failure is the
// runner's to tell.
void saveInBackground(JobRunner& jobs, const QString& path, std::function<std::string()> make,
                      std::function<void()> saved);

} // namespace fovea
