#pragma once

#include <QString>

#include <functional>
#include <string>

namespace fovea {

class JobRunner;

// Writes what `make` returns to `path` on the disk's lane, replacing it all at once; then calls `saved`. A failure is the
// runner's to tell.
void saveInBackground(JobRunner& jobs, const QString& path, std::function<std::string()> make,
                      std::function<void()> saved);

} // namespace fovea
