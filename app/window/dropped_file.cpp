#include "app/window/dropped_file.h"

#include <QFile>
#include <QFileInfo>
#include <QMimeData>
#include <QUrl>

namespace fovea {

namespace {

// Both kinds of plan file there are begin with "alphas"; a run of Fovea does not.
bool beginsAsSpans(const QString& path) {
    QFile file(path);
    if (!QFileInfo(path).isFile() || !file.open(QIODevice::ReadOnly))
        return false;
    const QByteArray head = file.read(64).simplified();
    return head.startsWith("{ \"alphas\"") || head.startsWith("{\"alphas\"") || head.startsWith("{ \"betas\"") ||
           head.startsWith("{\"betas\"");
}

} // namespace

DroppedFile meantBy(const QString& path) {
    using Kind = DroppedFile::Kind;
    if (path.isEmpty())
        return {};
    const QFileInfo info(path);
    if (info.isDir())
        return {Kind::Model, path};
    const QString ending = info.suffix().toLower(), name = info.fileName();
    const bool inFolder = ending == QLatin1String("safetensors") || name == QLatin1String("config.json") ||
                          name.endsWith(QLatin1String(".index.json")) ||
                          name == QLatin1String("tokenizer.json") ||
                          name == QLatin1String("tokenizer_config.json");
    if (inFolder)
        return {Kind::Model, info.path()};
    if (ending == QLatin1String("json"))
        return {beginsAsSpans(path) ? Kind::Spans : Kind::Run, path};
    if (ending == QLatin1String("txt") || ending == QLatin1String("md"))
        return {Kind::Prompt, path};
    return {Kind::Model, path};
}

DroppedFile meantBy(const QMimeData& data) {
    for (const QUrl& url : data.urls())
        if (url.isLocalFile())
            return meantBy(url.toLocalFile());
    return {};
}

} // namespace fovea
