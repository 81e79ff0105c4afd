#include "app/window/export_actions.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>

#include "app/window/command_text.h"
#include "app/window/exports.h"
#include "app/window/loaded_model.h"
#include "app/window/main_window.h"
#include "app/window/saved_file.h"
#include "app/window/status_line.h"
#include "app/window/token_texts.h"
#include "core/trace/file_writer.h"

namespace fovea {

ExportActions::ExportActions(MainWindow& window) : QObject(&window), m_window(window) {
    const WindowActions& a = window.actions();
    for (QAction* action : a.savePictures) {
        const QString view = action->data().toString();
        connect(action, &QAction::triggered, this, [this, view] {
            ask(view + QStringLiteral(".png"), pictureFilter(),
                [this, view](const QString& path) { savePicture(view, path); });
        });
    }
    for (QAction* action : a.saveTables) {
        const QString view = action->data().toString();
        connect(action, &QAction::triggered, this, [this, view] {
            ask(view + QStringLiteral(".csv"), tr("Tables (*.csv)"),
                [this, view](const QString& path) { saveTable(view, path); });
        });
    }
    connect(a.saveWindow, &QAction::triggered, this, [this] {
        ask(QStringLiteral("fovea.png"), pictureFilter(), [this](const QString& path) { saveWindow(path); });
    });
    connect(a.copyWindow, &QAction::triggered, this,
            [this] { QApplication::clipboard()->setPixmap(m_window.grab()); });
    connect(a.saveTrace, &QAction::triggered, this, [this] {
        ask(QStringLiteral("trace.json"), tr("Traces (*.json)"),
            [this](const QString& path) { saveTrace(path); });
    });
    connect(a.saveCompare, &QAction::triggered, this, [this] {
        ask(QStringLiteral("compare.csv"), tr("Tables (*.csv)"),
            [this](const QString& path) { saveCompare(path); });
    });
    connect(a.saveRun, &QAction::triggered, this, [this] {
        ask(QStringLiteral("run.json"), tr("Runs (*.json)"), [this](const QString& path) { saveRun(path); });
    });
    connect(a.copyAsCommand, &QAction::triggered, this, &ExportActions::copyAsCommand);
}

void ExportActions::savePicture(const QString& view, const QString& path) {
    savePicture(pictureOf(m_window.views(), view), path);
}

void ExportActions::saveTable(const QString& view, const QString& path) {
    write(path, [table = tableOf(m_window.views(), view)] { return table.toStdString(); });
}

void ExportActions::saveWindow(const QString& path) {
    savePicture(pictureOf(m_window, m_window.windowTitle()), path);
}

void ExportActions::savePicture(const Picture& picture, const QString& path) {
    switch (formatOf(path)) {
    case PictureFormat::Png:
        return saveImage(imageOf(picture), path);
    case PictureFormat::Svg:
        return write(path, [bytes = svgOf(picture)] { return bytes; });
    case PictureFormat::Pdf:
        return write(path, [bytes = pdfOf(picture)] { return bytes; });
    }
}

void ExportActions::saveImage(const QImage& picture, const QString& path) {
    write(path, [picture] { return pngOf(picture); });
}

void ExportActions::saveTrace(const QString& path) {
    const RunPair& runs = m_window.controller().runs();
    if (!runs.a) {
        m_window.statusLine().showFailure(tr("There is no run to save yet: press Run."));
        return;
    }
    write(path, [runs, model = m_window.document().model()] { return traceOf(runs, model.get()); });
}

void ExportActions::saveCompare(const QString& path) {
    const RunPair& runs = m_window.controller().runs();
    if (!runs.a) {
        m_window.statusLine().showFailure(tr("There is no run to save yet: press Run."));
        return;
    }
    write(path, [runs, model = m_window.document().model()] { return compareCsvOf(runs, model.get()); });
}

void ExportActions::saveRun(const QString& path) {
    const RunPair& runs = m_window.controller().runs();
    if (!runs.a) {
        m_window.statusLine().showFailure(tr("There is no run to save yet: press Run."));
        return;
    }
    write(path, [runs, model = m_window.document().model()] {
        if (runs.pieces || !model)
            return runFileJson(runFileOf(runs, runs.pieces ? *runs.pieces : std::vector<std::string>{}));
        std::vector<std::string> pieces;
        for (const QString& text : tokenTexts(*model->tokenizer, runs.a->tokens))
            pieces.push_back(text.toStdString());
        return runFileJson(runFileOf(runs, std::move(pieces)));
    });
}

void ExportActions::copyAsCommand() {
    const std::string command = compareCommand(m_window.controller().request());
    QApplication::clipboard()->setText(QString::fromStdString(command));
    m_window.statusLine().showDone(tr("The command is on the clipboard."));
}

void ExportActions::write(const QString& path, std::function<std::string()> make) {
    if (path.isEmpty())
        return;
    m_window.jobs().start(Lane::Disk, tr("saving %1").arg(path), Supersede::Nothing,
                          [this, path, make = std::move(make)](Job&) -> Deliver {
                              writeFile(path.toStdString(), make());
                              return [this, path] {
                                  m_window.statusLine().showDone(tr("Saved %1").arg(path));
                                  Q_EMIT saved(path);
                              };
                          });
}

void ExportActions::ask(const QString& suggested, const QString& filter,
                        const std::function<void(const QString&)>& save) {
    if (const QString path = askWhereToSave(&m_window, suggested, filter); !path.isEmpty())
        save(path);
}

} // namespace fovea
