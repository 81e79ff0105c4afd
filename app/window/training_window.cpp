#include "app/window/training_window.h"

#include <QCheckBox>
#include <QCoreApplication>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMessageBox>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

#include "app/window/exports.h"
#include "app/window/main_window.h"
#include "app/window/saved_file.h"
#include "app/window/scrolled.h"
#include "app/window/training_form.h"
#include "core/trace/file_writer.h"
#include "views/charts/loss_chart.h"
#include "views/panel_frame.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr QSize kWindow(1240, 780);
constexpr int kFormWidth = 370;
constexpr QSize kPicture(1200, 640);

QString durationText(double seconds) {
    const auto whole = static_cast<qint64>(std::llround(seconds));
    if (whole < 90)
        return TrainingWindow::tr("%1 s").arg(whole);
    if (whole < 5400)
        return TrainingWindow::tr("%1 min").arg((whole + 30) / 60);
    return TrainingWindow::tr("%1 h %2 min").arg(whole / 3600).arg(whole % 3600 / 60);
}

QString lossText(double loss) {
    return QString::number(loss, 'f', 3);
}

template <class Entries>
const TrainingEntry* lastOf(const Entries& entries, TrainingEntry::Kind kind) {
    const auto found =
        std::find_if(entries.rbegin(), entries.rend(), [&](auto& e) { return e.kind == kind; });
    return found == entries.rend() ? nullptr : &*found;
}

} // namespace

TrainingWindow::TrainingWindow(QWidget* parent, const QString& program)
    : QWidget(parent, Qt::Window),
      m_run(program.isEmpty() ? QCoreApplication::applicationFilePath() : program) {
    setWindowTitle(tr("Train a model – Fovea"));
    resize(kWindow);
    lay();
    wire();
    showSeen();
    showButtons();
}

TrainingWindow::~TrainingWindow() = default;

void TrainingWindow::lay() {
    m_form = new TrainingForm;
    m_scroll = scrolled(m_form);
    m_train = new QPushButton(tr("Train"));
    m_resume = new QPushButton(tr("Resume"));
    m_stop = new QPushButton(tr("Stop"));
    m_stop->setToolTip(tr("End here: what has been learnt is saved, and the training can be resumed"));
    auto* buttons = new QHBoxLayout;
    buttons->setContentsMargins(12, 8, 12, 10);
    buttons->setSpacing(8);
    for (QPushButton* button : {m_resume, m_train, m_stop})
        buttons->addWidget(button);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_scroll, 1);
    column->addLayout(buttons);
    auto* options = new PanelFrame(tr("Training"));
    options->setContent(content);
    options->setFixedWidth(kFormWidth);

    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(6, 6, 6, 6);
    row->setSpacing(6);
    row->addWidget(options);
    row->addWidget(makeChartSide(), 1);
}

QWidget* TrainingWindow::makeChartSide() {
    m_chart = new LossChart;
    m_chart->setEmptyText(
        tr("No losses yet. Add a text, choose a folder and press Train, or open the log of a "
           "training that runs elsewhere or has ended."));
    m_facts = new QLabel;
    m_facts->setFont(numberFont(12));
    m_facts->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_progress = new QProgressBar;
    m_progress->setRange(0, 1000);
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(4);
    m_status = new QLabel;
    m_status->setWordWrap(true);
    m_openModel = new QPushButton(tr("Open the model"));
    auto* said = new QHBoxLayout;
    said->addWidget(m_status, 1);
    said->addWidget(m_openModel);

    m_frame = new PanelFrame(tr("Loss"));
    m_logTokens = new QCheckBox(tr("logarithmic tokens"));
    m_openLog = headerButton(tr("open log…"));
    m_openLog->setToolTip(
        tr("Follow the training.jsonl of a training that runs elsewhere, or look at an ended one"));
    m_picture = headerButton(tr("PNG…"));
    m_picture->setToolTip(tr("Save the chart as a picture"));
    m_table = headerButton(tr("CSV…"));
    m_table->setToolTip(tr("Save both curves as a table"));
    for (QWidget* widget : std::initializer_list<QWidget*>{m_logTokens, m_openLog, m_picture, m_table})
        m_frame->addHeaderWidget(widget);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(12, 6, 12, 10);
    column->addWidget(m_chart, 1);
    column->addWidget(m_progress);
    column->addWidget(m_facts);
    column->addLayout(said);
    m_frame->setContent(content);
    return m_frame;
}

void TrainingWindow::wire() {
    connect(m_form, &TrainingForm::folderChanged, this,
            [this](const QString& folder) { m_run.watch(folder.toStdString()); });
    connect(m_form, &TrainingForm::changed, this, &TrainingWindow::showButtons);
    connect(m_train, &QPushButton::clicked, this, [this] {
        const bool loses = m_run.seen().unfinished.has_value();
        if (loses && QMessageBox::question(this, tr("Begin anew?"),
                                           tr("The unfinished training in this folder will be lost.")) !=
                         QMessageBox::Yes)
            return;
        begin(loses ? Begin::Fresh : Begin::New);
    });
    connect(m_resume, &QPushButton::clicked, this, [this] { begin(Begin::Resume); });
    connect(m_stop, &QPushButton::clicked, &m_run, &TrainingRun::stop);
    connect(m_openModel, &QPushButton::clicked, this,
            [this] { Q_EMIT openModelRequested(QString::fromStdString(m_run.folder().string())); });
    connect(m_logTokens, &QCheckBox::toggled, m_chart, &LossChart::setLogTokens);
    connect(m_openLog, &QToolButton::clicked, this, [this] {
        const QString file = QFileDialog::getOpenFileName(this, tr("Open the log of a training"), {},
                                                          tr("Training logs (training.jsonl)"));
        if (!file.isEmpty())
            open(file);
    });
    const auto ask = [this](const QString& name, const QString& filter, auto save) {
        if (const QString path = askWhereToSave(this, name, filter); !path.isEmpty())
            (this->*save)(path);
    };
    connect(m_picture, &QToolButton::clicked, this,
            [=] { ask(QStringLiteral("loss.png"), tr("Pictures (*.png)"), &TrainingWindow::savePicture); });
    connect(m_table, &QToolButton::clicked, this,
            [=] { ask(QStringLiteral("loss.csv"), tr("Tables (*.csv)"), &TrainingWindow::saveTable); });
    connect(&m_run, &TrainingRun::seenChanged, this, &TrainingWindow::showSeen);
    connect(&m_run, &TrainingRun::stateChanged, this, [this] {
        if (!m_run.running()) {
            m_formIsState = false;
            if (!m_saidBad) // what was last heard of a training that is over
                say({});
        }
        showSeen();
    });
    connect(&m_run, &TrainingRun::noted, this, [this](const QString& line) { say(line); });
    connect(&m_run, &TrainingRun::failed, this, [this](const QString& line) { say(line, true); });
    connect(&m_jobs, &JobRunner::failed, this, [this](Lane, const QString& line) { say(line, true); });
}

void TrainingWindow::open(const QString& path) {
    const QFileInfo info(path);
    m_form->setFolder(info.isDir() ? path : info.path());
}

void TrainingWindow::begin(Begin how) {
    TrainOptions options = m_form->options();
    options.begin = how;
    say({});
    m_run.start(options);
}

QString TrainingWindow::statusText() const {
    return m_status->text();
}

void TrainingWindow::say(const QString& line, bool bad) {
    m_status->setText(line);
    m_saidBad = bad;
    m_status->setStyleSheet(QStringLiteral("color: %1").arg((bad ? theme().bad : theme().mutedText).name()));
}

void TrainingWindow::showSeen() {
    const SeenTraining& seen = m_run.seen();
    m_chart->setCurves(seen.curves);
    if (!seen.trouble.isEmpty())
        say(seen.trouble, true);
    // An unfinished training knows its own options.
    if (seen.unfinished && !m_formIsState)
        m_form->setOptions(*seen.unfinished);
    m_formIsState = seen.unfinished.has_value();
    const TrainingEntry* ended = lastOf(seen.entries, TrainingEntry::Kind::Ended);
    const bool isLast = ended && ended == &seen.entries.back();
    QString subtitle;
    if (m_run.running())
        subtitle = m_run.stopping() ? tr("saving and ending…") : tr("training");
    else if (seen.written)
        subtitle = tr("followed: it is running elsewhere");
    else if (seen.unfinished)
        subtitle = isLast ? tr("ended early, can be resumed") : tr("was killed, can be resumed");
    else if (isLast)
        subtitle = tr("ended");
    else if (!seen.entries.empty())
        subtitle = tr("was killed, and its state is gone");
    if (!seen.entries.empty())
        subtitle.prepend(QString::fromStdString(seen.entries[0].model) + QStringLiteral(" · "));
    m_frame->setSubtitle(subtitle);
    showFacts();
    showButtons();
}

void TrainingWindow::showFacts() {
    const std::vector<TrainingEntry>& entries = m_run.seen().entries;
    const LossCurves& curves = m_run.seen().curves;
    const TrainingEntry* step = lastOf(entries, TrainingEntry::Kind::Step);
    m_progress->setVisible(step != nullptr);
    if (!step) {
        m_facts->clear();
        return;
    }
    const bool live = m_run.running() || m_run.seen().written;
    const bool ended = entries.back().kind == TrainingEntry::Kind::Ended && !entries.back().early;
    m_progress->setValue(ended ? 1000 : static_cast<int>(1000 * step->done));
    const std::int64_t total = entries[0].totalTokens;
    QStringList facts{tr("step %1").arg(step->step),
                      total > 0 ? tr("%1 of %2 tokens")
                                      .arg(tokenCountText(static_cast<double>(step->tokens)),
                                           tokenCountText(static_cast<double>(total)))
                                : tr("%1 tokens").arg(tokenCountText(static_cast<double>(step->tokens))),
                      tr("training %1").arg(lossText(*recentLoss(curves)))};
    if (curves.best)
        facts << tr("held-out %1, lowest %2")
                     .arg(lossText(curves.heldOut.loss.back()), lossText(curves.heldOut.loss[*curves.best]));
    if (live)
        facts << tr("%1 tokens/s").arg(tokenCountText(step->tokensPerSecond))
              << tr("%1 left").arg(step->secondsLeft > 0 ? durationText(step->secondsLeft) : tr("?"));
    else
        facts << tr("%1 of training").arg(durationText(entries.back().seconds));
    m_facts->setText(facts.join(QStringLiteral("   ")));
}

void TrainingWindow::showButtons() {
    const SeenTraining& seen = m_run.seen();
    const bool free = !m_run.running() && !seen.written;
    const QString refusal = m_form->refusal();
    m_form->setEditable(free && !seen.unfinished);
    m_train->setText(seen.unfinished ? tr("Begin anew…") : tr("Train"));
    m_train->setVisible(!m_run.running());
    m_train->setEnabled(free && refusal.isEmpty());
    m_train->setToolTip(refusal);
    m_resume->setVisible(!m_run.running() && seen.unfinished);
    m_resume->setEnabled(free);
    m_resume->setDefault(true);
    m_stop->setVisible(m_run.running());
    m_stop->setEnabled(!m_run.stopping());
    m_openModel->setVisible(free && seen.hasModel);
    for (QToolButton* button : {m_picture, m_table})
        button->setEnabled(!seen.curves.training.loss.empty());
    // What is still missing, while nothing else is to be said.
    const bool hinting = !m_hint.isEmpty() && m_status->text() == m_hint;
    if (hinting || m_status->text().isEmpty()) {
        m_hint = free && seen.entries.empty() ? refusal : QString();
        say(m_hint);
    }
}

void TrainingWindow::savePicture(const QString& path) {
    write(path, [picture = m_chart->renderToImage(kPicture, 2)] { return pngOf(picture); });
}

void TrainingWindow::saveTable(const QString& path) {
    write(path, [table = toCsv(m_chart->curves())] { return table.toStdString(); });
}

void TrainingWindow::write(const QString& path, std::function<std::string()> make) {
    saveInBackground(m_jobs, path, std::move(make), [this, path] {
        say(tr("Saved %1").arg(path));
        Q_EMIT saved(path);
    });
}

TrainingWindow* showTraining(MainWindow& window) {
    auto* training = window.findChild<TrainingWindow*>(QString(), Qt::FindDirectChildrenOnly);
    if (!training) {
        training = new TrainingWindow(&window);
        QObject::connect(training, &TrainingWindow::openModelRequested, &window,
                         [&window](const QString& folder) {
                             window.controller().openModel(folder);
                             window.activateWindow();
                         });
    }
    training->show();
    training->raise();
    training->activateWindow();
    return training;
}

} // namespace fovea
