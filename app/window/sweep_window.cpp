#include "app/window/sweep_window.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/window/exports.h"
#include "app/window/form_parts.h"
#include "app/window/main_window.h"
#include "app/window/saved_file.h"
#include "app/window/status_line.h"
#include "app/window/sweep_form.h"
#include "core/trace/file_writer.h"
#include "views/charts/sweep_chart.h"
#include "views/panel_frame.h"
#include "views/panels/sweep_list.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr QSize kWindow(1280, 820), kPicture(1080, 680);
constexpr int kFormWidth = 380;

} // namespace

SweepWindow::SweepWindow(QWidget* parent) : QWidget(parent, Qt::Window) {
    setWindowTitle(tr("Sweep plans – Fovea"));
    resize(kWindow);
    lay();
    wire();
    showTable();
    showState();
}

SweepWindow::~SweepWindow() = default;

void SweepWindow::lay() {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(6, 6, 6, 6);
    row->setSpacing(6);
    row->addWidget(makeFormSide());
    row->addWidget(makeChartSide(), 1);
}

QWidget* SweepWindow::makeFormSide() {
    m_form = new SweepForm;
    m_start = new QPushButton;
    m_stop = new QPushButton(tr("Stop"));
    m_stop->setToolTip(tr("End here: the rows that are there stay, and the sweep can be gone on with"));
    return formSide(tr("Sweep"), m_form, m_start, m_stop, kFormWidth);
}

QWidget* SweepWindow::makeChartSide() {
    m_chart = new SweepChart;
    m_chart->setEmptyText(
        tr("No plan was judged yet. Write plans with braces for what varies, and press Start: each "
           "becomes a point, of its quality over the bytes its attention moves."));
    m_list = new SweepList;
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(m_chart);
    split->addWidget(m_list);
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 2);
    split->setChildrenCollapsible(false);
    split->setSizes({460, 260});
    m_progress = thinProgress();
    m_status = new QLabel;
    m_status->setWordWrap(true);
    m_frame = new PanelFrame(tr("Quality against bytes"));
    m_picture = headerButton(tr("picture…"));
    m_picture->setToolTip(tr("Save the chart as PNG, SVG or PDF"));
    m_csv = headerButton(tr("CSV…"));
    m_csv->setToolTip(tr("Save the table; fovea sweep --out goes on with it"));
    m_frame->addHeaderWidget(m_picture);
    m_frame->addHeaderWidget(m_csv);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(10, 6, 10, 8);
    column->addWidget(split, 1);
    column->addWidget(m_progress);
    column->addWidget(m_status);
    m_frame->setContent(content);
    return m_frame;
}

void SweepWindow::wire() {
    connect(m_form, &SweepForm::changed, this, &SweepWindow::showState);
    connect(m_start, &QPushButton::clicked, this, &SweepWindow::start);
    connect(m_stop, &QPushButton::clicked, &m_run, &SweepRun::stop);
    connect(&m_run, &SweepRun::tableChanged, this, &SweepWindow::showTable);
    connect(&m_run, &SweepRun::stateChanged, this, &SweepWindow::showState);
    connect(&m_run, &SweepRun::failed, this, [this](const QString& line) { say(line, true); });
    connect(m_chart, &SweepChart::planPicked, this, &SweepWindow::pick);
    connect(m_list, &SweepList::planPicked, this, &SweepWindow::pick);
    connect(&m_jobs, &JobRunner::failed, this, [this](Lane, const QString& line) { say(line, true); });
    connect(m_picture, &QToolButton::clicked, this, [this] {
        if (const QString path = askWhereToSave(this, QStringLiteral("sweep.svg"), pictureFilter());
            !path.isEmpty())
            savePicture(path);
    });
    connect(m_csv, &QToolButton::clicked, this, [this] {
        if (const QString path = askWhereToSave(this, QStringLiteral("sweep.csv"), tr("Tables (*.csv)"));
            !path.isEmpty())
            saveTable(path);
    });
}

void SweepWindow::setModel(std::shared_ptr<const LoadedModel> model) {
    m_form->setModel(std::move(model));
}

void SweepWindow::start() {
    if (m_run.running() || !m_form->refusal().isEmpty())
        return;
    say({});
    SweepRequest request = m_form->request();
    request.memoryBudget = m_budget();
    m_run.start(request);
}

void SweepWindow::pick(const QString& plan) {
    m_chart->setChosen(plan);
    Q_EMIT planPicked(plan);
}

void SweepWindow::showTable() {
    const SweepTable& table = m_run.table();
    m_chart->setTable(table);
    m_list->setTable(table);
    m_frame->setSubtitle(table.rows.empty()
                             ? QString()
                             : tr("%1 · %2").arg(QString::fromStdString(table.arguments.task),
                                                 QString::fromStdString(table.arguments.figures)));
    for (QToolButton* button : {m_picture, m_csv})
        button->setEnabled(!table.rows.empty());
}

void SweepWindow::showState() {
    const bool running = m_run.running();
    const QString refusal = m_form->refusal();
    m_form->setEditable(!running);
    m_start->setVisible(!running);
    m_start->setText(m_run.endedEarly() ? tr("Go on") : tr("Start"));
    m_start->setEnabled(refusal.isEmpty());
    m_start->setToolTip(refusal);
    m_stop->setVisible(running);
    m_progress->setVisible(running);
    m_progress->setValue(static_cast<int>(1000 * m_run.fraction()));
    if (running)
        say(tr("running the plans one by one: %1 rows so far").arg(m_run.table().rows.size()));
    else if (!m_status->property("bad").toBool())
        say(!refusal.isEmpty()   ? refusal
            : m_run.endedEarly() ? tr("stopped: %1 rows are there").arg(m_run.table().rows.size())
            : m_run.table().rows.empty()
                ? QString()
                : tr("%1 rows; click a point or a row to make it plan B").arg(m_run.table().rows.size()));
}

QString SweepWindow::statusText() const {
    return m_status->text();
}

void SweepWindow::say(const QString& line, bool bad) {
    m_status->setText(line);
    m_status->setProperty("bad", bad);
    m_status->setStyleSheet(QStringLiteral("color: %1").arg((bad ? theme().bad : theme().mutedText).name()));
}

void SweepWindow::savePicture(const QString& path) {
    const PictureFormat format = formatOf(path);
    const Picture picture{QStringLiteral("quality against bytes"), kPicture, 2,
                          [this](QPainter& painter) { m_chart->paintInto(painter, kPicture); }};
    // Painted now, written later.
    if (format == PictureFormat::Png)
        write(path, [image = imageOf(picture)] { return pngOf(image); });
    else
        write(path, [bytes = pictureBytes(picture, format)] { return bytes; });
}

void SweepWindow::saveTable(const QString& path) {
    write(path, [csv = sweepCsv(m_run.table())] { return csv; });
}

void SweepWindow::write(const QString& path, std::function<std::string()> make) {
    saveInBackground(m_jobs, path, std::move(make), [this, path] {
        say(tr("Saved %1").arg(path));
        Q_EMIT saved(path);
    });
}

void takeAsPlanB(MainWindow& window, const QString& plan) {
    const QString why = window.document().editPlanText(Side::B, plan);
    why.isEmpty() ? window.statusLine().showDone(SweepWindow::tr("Plan B is now %1").arg(plan))
                  : window.statusLine().showFailure(why);
}

SweepWindow* showSweep(MainWindow& window) {
    auto* sweep = window.findChild<SweepWindow*>(QString(), Qt::FindDirectChildrenOnly);
    if (!sweep) {
        sweep = new SweepWindow(&window);
        Document& document = window.document();
        sweep->setModel(document.model());
        sweep->setBudget([&window] { return window.controller().limits().memoryBudget; });
        QObject::connect(&document, &Document::modelChanged, sweep,
                         [sweep, &document] { sweep->setModel(document.model()); });
        QObject::connect(sweep, &SweepWindow::planPicked, &window,
                         [&window](const QString& plan) { takeAsPlanB(window, plan); });
    }
    sweep->show();
    sweep->raise();
    sweep->activateWindow();
    return sweep;
}

} // namespace fovea
