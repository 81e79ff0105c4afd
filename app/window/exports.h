#pragma once
// What the window can save: pictures of views, tables as CSV, the comparison, a trace. A file is whole or not
// there; what went wrong is one line.

#include <QImage>
#include <QString>
#include <QStringList>

#include <string>

#include "app/window/window_views.h"

class QWidget;

namespace fovea {

struct RunPair;
struct LoadedModel;

// Names of views that have a picture: head_map, atlas, inspector, timelines, token_strip, plan_panel.
const QStringList& pictureNames();
// As on screen, at twice the resolution where the view can draw itself.
QImage pictureOf(const WindowViews& views, const QString& name);
// head_map, atlas, inspector, timelines, token_strip, summary.
QString tableOf(const WindowViews& views, const QString& name);

// PNG bytes. Slow: belongs off the interface's thread.
std::string pngOf(const QImage& picture);
// compare.csv and trace.json of the runs; A's row comes first. Runs must be there.
std::string compareCsvOf(const RunPair& runs, const LoadedModel& model);
std::string traceOf(const RunPair& runs, const LoadedModel& model);

} // namespace fovea
