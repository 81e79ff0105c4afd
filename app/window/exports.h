#pragma once
// What the window can save: pictures of views as PNG, SVG or PDF, tables as CSV, the comparison, a trace. Every picture
// is drawn once, by the view that shows it, and only what it is drawn on differs. A file is whole or not there; what
// went wrong is one line.

#include <QImage>
#include <QSize>
#include <QString>
#include <QStringList>

#include <functional>
#include <string>

#include "app/window/window_views.h"

class QPainter;
class QWidget;

namespace fovea {

struct RunPair;
struct LoadedModel;

struct Picture {
    QString title;     // for readers of a file
    QSize size;        // in the units that it is painted in
    double pixels = 1; // per unit, of an image
    std::function<void(QPainter&)> paint;
};

enum class PictureFormat { Png, Svg, Pdf };
// By the file's ending, .png where there is none that is known.
PictureFormat formatOf(const QString& path);
// "Pictures (*.png);;…", for a file dialog.
QString pictureFilter();

// Names of views that have a picture: head_map, atlas, inspector, timelines, token_strip, plan_panel, cache_slots,
// sharing, span_map, quantisation.
const QStringList& pictureNames();
// The picture paints the view as it is by then: make its bytes before the view changes.
Picture pictureOf(const WindowViews& views, const QString& name);
Picture pictureOf(QWidget& window, const QString& title);
// head_map, atlas, inspector, timelines, token_strip, summary, cache_slots, sharing, span_map, quantisation.
QString tableOf(const WindowViews& views, const QString& name);

QImage imageOf(const Picture& picture);
std::string svgOf(const Picture& picture);
std::string pdfOf(const Picture& picture);
// Of a PNG, SVG or PDF file.
std::string pictureBytes(const Picture& picture, PictureFormat format);
// PNG bytes. Slow: belongs off the interface's thread.
std::string pngOf(const QImage& picture);

// compare.csv and trace.json of the runs; A's row comes first. Runs must be there; the model may be missing, or another
// than theirs, where the runs say themselves what is written on their tokens.
std::string compareCsvOf(const RunPair& runs, const LoadedModel* model);
std::string traceOf(const RunPair& runs, const LoadedModel* model);

} // namespace fovea
