#pragma once
// What a file from outside is meant for, by its name and kind: dropped onto the window, or chosen in a
// dialog.

#include <QString>

class QMimeData;

namespace fovea {

struct DroppedFile {
    enum class Kind { None, Model, Prompt, Run, Spans };
    Kind kind = Kind::None;
    QString path; // of a model the folder, where a file inside it was named
};

// A folder, a weight file, or config.json within a folder is a model; .json a run, or a plan file of
// MoA where it begins as one; .txt and .md a prompt;
// whatever else is taken for a model, whose reader says best what is wrong with it.
DroppedFile meantBy(const QString& path);
// The first local file; None where there is none.
DroppedFile meantBy(const QMimeData& data);

} // namespace fovea
