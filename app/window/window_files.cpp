// What comes into the window from outside: models, prompts and runs, chosen, dropped or opened again.

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QMenu>

#include "app/window/dropped_file.h"
#include "app/window/loaded_model.h"
#include "app/window/main_window.h"
#include "app/window/memory_dialog.h"
#include "app/window/model_menu.h"
#include "app/window/prompt_dialog.h"
#include "app/window/run_toolbar.h"
#include "app/window/status_line.h"
#include "core/model/checked_file.h"
#include "core/trace/byte_text.h"
#include "core/trace/run_json.h"

namespace fovea {

void MainWindow::wireFile() {
    connect(m_actions.openModel, &QAction::triggered, this, [this] {
        const QString folder = QFileDialog::getExistingDirectory(this, tr("Open a model's folder"),
                                                                 m_memory.preferences().modelFolder);
        if (!folder.isEmpty())
            openPath(folder);
    });
    connect(m_actions.openFile, &QAction::triggered, this, [this] {
        const QString file =
            QFileDialog::getOpenFileName(this, tr("Open a model file"), m_memory.preferences().modelFolder,
                                         tr("Models (*.bin *.gguf *.safetensors);;All files (*)"));
        if (!file.isEmpty())
            openPath(file);
    });
    connect(m_actions.editPrompt, &QAction::triggered, this, [this] {
        if (!m_document.model())
            return;
        auto* dialog = new PromptDialog(m_document, m_jobs, this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->open();
    });
    connect(m_actions.openPrompt, &QAction::triggered, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Open a text as prompt"), {},
                                                          tr("Texts (*.txt *.md);;All files (*)"));
        if (!path.isEmpty())
            openPrompt(path);
    });
    connect(m_actions.pastePrompt, &QAction::triggered, this, [this] {
        const QString text = QApplication::clipboard()->text();
        if (text.isEmpty())
            return m_status->showFailure(tr("There is no text on the clipboard."));
        takePrompt(tr("reading the clipboard"), [text] { return text.toStdString(); });
    });
    connect(m_actions.openRun, &QAction::triggered, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Open a run"), {}, tr("Runs (*.json)"));
        if (!path.isEmpty())
            openRun(path);
    });
    connect(m_actions.forgetRecent, &QAction::triggered, this, [this] {
        m_memory.forgetRecentModels();
        m_models->refresh();
    });
    connect(m_actions.quit, &QAction::triggered, this, &QWidget::close);
    m_models =
        new ModelMenu(*m_menus.models, {m_actions.openModel, m_actions.openFile, m_actions.forgetRecent},
                      m_memory, m_jobs, this);
    connect(m_models, &ModelMenu::chosen, this, &MainWindow::openPath);
    connect(&m_controller, &Controller::opened, this, [this](const QString& path) {
        m_memory.addRecentModel(path);
        m_models->refresh();
    });
    connect(&m_document, &Document::modelChanged, this, [this] {
        m_toolbar->setModelText(QString::fromStdString(describe(m_document.model()->spec)));
        setWindowTitle(
            QStringLiteral("%1 – Fovea").arg(QString::fromStdString(m_document.model()->spec.name)));
        fillPresets();
    });
}

// What a run would hold is said before it is held: in the status line while it fits, in a dialog where it
// does not.
void MainWindow::wireMemory() {
    connect(&m_controller, &Controller::modelBeyondBudget, this,
            [this](const OpenRequest& request, const MemoryVerdict& verdict) {
                const QString name = QString::fromStdString(verdict.spec.name);
                auto* dialog = new MemoryDialog(tr("Opening %1").arg(name), verdict, this);
                connect(dialog, &MemoryDialog::offerChosen, this, [this, request](const MemoryOffer& offer) {
                    OpenRequest accepted = request;
                    accepted.accepted = true;
                    accepted.offer = offer;
                    m_controller.openModel(accepted);
                });
                connect(dialog, &MemoryDialog::goOnChosen, this, [this, request] {
                    OpenRequest accepted = request;
                    accepted.accepted = true;
                    m_controller.openModel(accepted);
                });
                dialog->open();
            });
    connect(&m_controller, &Controller::runBeyondBudget, this, [this](const MemoryVerdict& verdict) {
        auto* dialog = new MemoryDialog(tr("This run"), verdict, this);
        connect(dialog, &MemoryDialog::offerChosen, this, [this](const MemoryOffer& offer) {
            m_controller.accept(offer);
            m_controller.run();
        });
        connect(dialog, &MemoryDialog::goOnChosen, &m_controller, &Controller::runAnyway);
        dialog->open();
    });
    connect(&m_document, &Document::modelChanged, this, &MainWindow::showMemory);
    connect(&m_document, &Document::planChanged, this, &MainWindow::showMemory);
    connect(&m_document, &Document::promptChanged, this, &MainWindow::showMemory);
    connect(&m_document, &Document::settingsChanged, this, &MainWindow::showMemory);
    connect(&m_controller, &Controller::limitsChanged, this, &MainWindow::showMemory);
}

void MainWindow::showMemory() {
    const auto verdict = m_controller.memoryOfRun();
    if (!verdict)
        return;
    const auto text = [](std::int64_t bytes) { return QString::fromStdString(byteText(bytes)); };
    QString tip = tr("A run of A and B holds %1").arg(QString::fromStdString(memoryText(verdict->estimate)));
    if (verdict->budget > 0)
        tip += tr(", of a budget of %1").arg(text(verdict->budget));
    m_status->setMemory(tr("a run holds %1").arg(text(verdict->estimate.total())), tip, verdict->fits());
}

void MainWindow::openPath(const QString& path) {
    const DroppedFile file = meantBy(path);
    switch (file.kind) {
    case DroppedFile::Kind::Model:
        return m_controller.openModel(file.path);
    case DroppedFile::Kind::Prompt:
        return openPrompt(file.path);
    case DroppedFile::Kind::Run:
        return openRun(file.path);
    case DroppedFile::Kind::Spans:
        return openSpans(file.path);
    case DroppedFile::Kind::None:
        return;
    }
}

void MainWindow::openPrompt(const QString& path) {
    takePrompt(tr("reading %1").arg(path), [path = path.toStdString()] { return readPromptFile(path); });
}

void MainWindow::takePrompt(const QString& title, std::function<std::string()> make) {
    promptFrom(m_document, m_jobs, title, std::move(make), [this](const QString& line, bool bad) {
        bad ? m_status->showFailure(line) : m_status->showDone(line);
    });
}

void MainWindow::openRun(const QString& path) {
    m_jobs.start(Lane::Text, tr("reading %1").arg(path), Supersede::Cancel,
                 [this, path = path.toStdString()](Job&) -> Deliver {
                     const RunPair runs = runPairOf(readRunFile(readFile(path, kLargestRunFile), path));
                     return [this, runs] {
                         m_controller.showRuns(runs);
                         const auto& model = m_document.model();
                         const QString name = QString::fromStdString(runs.a->spec.name);
                         const bool other = model && model->spec.name != runs.a->spec.name;
                         m_status->showDone(other ? tr("A run of %1; the model that is open is another").arg(name)
                                                  : tr("A run of %1").arg(name));
                     };
                 });
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (meantBy(*event->mimeData()).kind != DroppedFile::Kind::None)
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    const DroppedFile file = meantBy(*event->mimeData());
    if (file.kind == DroppedFile::Kind::None)
        return;
    event->acceptProposedAction();
    openPath(file.path);
}

} // namespace fovea
