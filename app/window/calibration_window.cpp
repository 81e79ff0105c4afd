#include "app/window/calibration_window.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "app/window/calibration_form.h"
#include "app/window/form_parts.h"
#include "app/window/loaded_model.h"
#include "app/window/main_window.h"
#include "app/window/scrolled.h"
#include "app/window/status_line.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr QSize kWindow(520, 640);

} // namespace

CalibrationWindow::CalibrationWindow(QWidget* parent, const QString& program)
    : QWidget(parent, Qt::Window),
      m_run(program.isEmpty() ? QCoreApplication::applicationFilePath() : program) {
    resize(kWindow);
    lay();
    wire();
    showState();
}

CalibrationWindow::~CalibrationWindow() = default;

void CalibrationWindow::lay() {
    m_form = new CalibrationForm;
    QScrollArea* const scroll = scrolled(m_form);
    m_notes = new QLabel;
    m_status = new QLabel;
    for (QLabel* label : {m_notes, m_status}) {
        label->setWordWrap(true);
        label->setTextFormat(Qt::PlainText);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    m_notes->setObjectName(QStringLiteral("calibrationNotes"));
    m_progress = thinProgress();
    m_start = new QPushButton(tr("Calibrate"));
    m_stop = new QPushButton(tr("Stop"));
    m_stop->setToolTip(tr("End here: nothing is written"));
    m_use = new QPushButton;
    auto* buttons = new QHBoxLayout;
    buttons->addStretch(1);
    for (QPushButton* button : {m_use, m_start, m_stop})
        buttons->addWidget(button);
    auto* foot = new QVBoxLayout;
    foot->setContentsMargins(12, 4, 12, 10);
    foot->setSpacing(6);
    for (QWidget* widget : std::initializer_list<QWidget*>{m_notes, m_progress, m_status})
        foot->addWidget(widget);
    foot->addLayout(buttons);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(scroll, 1);
    column->addLayout(foot);
}

void CalibrationWindow::wire() {
    connect(m_form, &CalibrationForm::changed, this, &CalibrationWindow::showState);
    connect(m_start, &QPushButton::clicked, this, &CalibrationWindow::start);
    connect(m_stop, &QPushButton::clicked, &m_run, &CalibrationRun::stop);
    connect(m_use, &QPushButton::clicked, this, &CalibrationWindow::use);
    connect(&m_run, &CalibrationRun::stateChanged, this, &CalibrationWindow::showState);
    connect(&m_run, &CalibrationRun::failed, this, [this](const QString& line) { m_failure = line; });
}

void CalibrationWindow::start() {
    if (m_run.running() || !m_form->refusal().isEmpty())
        return;
    m_failure.clear();
    m_run.start(m_form->request());
}

// Plans look beside the model; and SmoothQuant leaves floats, which are a model of their own.
bool CalibrationWindow::foundByPlans() const {
    const CalibrationRequest& done = m_run.request();
    return done.to.empty() && !done.method.starts_with("smooth");
}

void CalibrationWindow::use() {
    const CalibrationRequest& done = m_run.request();
    if (m_run.made().isEmpty())
        return;
    if (!foundByPlans())
        return Q_EMIT openModelRequested(m_run.made());
    Q_EMIT slotWanted((done.ofStore ? QStringLiteral("store=") : QStringLiteral("weights=")) +
                      QString::fromStdString(done.method));
}

void CalibrationWindow::showState() {
    const bool running = m_run.running();
    const QString refusal = m_form->refusal();
    const auto& model = m_form->model();
    setWindowTitle(model ? tr("Calibrate %1 – Fovea").arg(QString::fromStdString(model->spec.name))
                         : tr("Calibrate – Fovea"));
    m_form->setEditable(!running);
    m_start->setVisible(!running);
    m_start->setEnabled(refusal.isEmpty());
    m_start->setToolTip(refusal);
    m_stop->setVisible(running);
    m_stop->setEnabled(!m_run.stopping());
    m_progress->setVisible(running);
    m_progress->setValue(static_cast<int>(1000 * m_run.fraction()));
    m_notes->setText(m_run.notes().join(QLatin1Char('\n')));
    m_notes->setVisible(!m_run.notes().isEmpty());
    m_notes->setStyleSheet(QStringLiteral("color: %1").arg(theme().warning.name()));
    const bool made = !running && !m_run.made().isEmpty();
    // Codebooks elsewhere are no model, and no plan finds them.
    m_use->setVisible(made && (foundByPlans() || !m_run.request().ofStore));
    m_use->setText(foundByPlans() ? tr("Use it as plan B") : tr("Open it"));
    if (running)
        say(m_run.stopping()          ? tr("stopping…")
            : m_run.stage().isEmpty() ? tr("reading model and text…")
                                      : m_run.stage());
    else if (!m_failure.isEmpty())
        say(m_failure, true);
    else if (made)
        say(tr("made in %1 s: %2").arg(m_run.seconds(), 0, 'f', 1).arg(m_run.made()));
    else
        say(!refusal.isEmpty()               ? refusal
            : m_run.request().method.empty() ? QString()
                                             : tr("stopped: nothing was written"));
}

QString CalibrationWindow::statusText() const {
    return m_status->text();
}

void CalibrationWindow::say(const QString& line, bool bad) {
    m_status->setText(line);
    m_status->setStyleSheet(QStringLiteral("color: %1").arg((bad ? theme().bad : theme().mutedText).name()));
}

CalibrationWindow* showCalibration(MainWindow& window, const CalibrationRequest& named) {
    auto* calibration = window.findChild<CalibrationWindow*>(QString(), Qt::FindDirectChildrenOnly);
    if (!calibration) {
        calibration = new CalibrationWindow(&window);
        Document& document = window.document();
        calibration->form().setBudget([&window] { return window.controller().limits().memoryBudget; });
        calibration->form().setModel(document.model());
        QObject::connect(&document, &Document::modelChanged, calibration,
                         [calibration, &document] { calibration->form().setModel(document.model()); });
        QObject::connect(
            calibration, &CalibrationWindow::slotWanted, &window,
            [calibration, &window](const QString& slot) {
                const auto& model = window.document().model();
                const QString why =
                    !model || model->path != calibration->run().request().model
                        ? CalibrationWindow::tr(
                              "This was learnt for another model than the one that is open: open %1.")
                              .arg(QString::fromStdString(calibration->run().request().model.string()))
                        : window.usePlanSlot(slot);
                why.isEmpty() ? window.statusLine().showDone(CalibrationWindow::tr("Plan B has %1").arg(slot))
                              : window.statusLine().showFailure(why);
            });
        QObject::connect(calibration, &CalibrationWindow::openModelRequested, &window,
                         [&window](const QString& folder) {
                             window.controller().openModel(folder);
                             window.activateWindow();
                         });
    }
    if (!named.method.empty() && !calibration->run().running())
        calibration->form().setMethod(named);
    calibration->show();
    calibration->raise();
    calibration->activateWindow();
    return calibration;
}

} // namespace fovea
