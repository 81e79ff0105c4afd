#include "app/window/study_window.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/window/exports.h"
#include "app/window/form_parts.h"
#include "app/window/main_window.h"
#include "app/window/saved_file.h"
#include "app/window/study_drawing.h"
#include "app/window/study_form.h"
#include "app/window/sweep_window.h"
#include "core/study/study_table.h"
#include "core/trace/file_writer.h"
#include "views/charts/statistics_chart.h"
#include "views/charts/study_chart.h"
#include "views/panel_frame.h"
#include "views/panels/study_list.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr QSize kWindow(1380, 960);
constexpr int kFormWidth = 320;

QLabel* wrapped(const QFont& font) {
    auto* label = new QLabel;
    label->setWordWrap(true);
    label->setFont(font);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    return label;
}

} // namespace

StudyWindow::StudyWindow(QWidget* parent) : QWidget(parent, Qt::Window) {
    setWindowTitle(tr("Study quantisation – Fovea"));
    resize(kWindow);
    lay();
    wire();
    showResult();
    showState();
}

StudyWindow::~StudyWindow() = default;

void StudyWindow::lay() {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(6, 6, 6, 6);
    row->setSpacing(6);
    row->addWidget(makeFormSide());
    row->addWidget(makeResultSide(), 1);
}

QWidget* StudyWindow::makeFormSide() {
    m_form = new StudyForm;
    m_start = new QPushButton;
    m_stop = new QPushButton(tr("Stop"));
    m_stop->setToolTip(tr("End here: the rows that are there stay, and the study can be gone on with"));
    return formSide(tr("Study"), m_form, m_start, m_stop, kFormWidth);
}

QWidget* StudyWindow::makeAdvice() {
    m_advice = wrapped(uiFont(13, true));
    m_rule = wrapped(uiFont(11));
    m_rule->setProperty("role", "muted");
    auto* advice = new QWidget;
    auto* column = new QVBoxLayout(advice);
    column->setContentsMargins(6, 4, 6, 6);
    column->setSpacing(4);
    column->addWidget(m_advice);
    column->addWidget(m_rule);
    return advice;
}

void StudyWindow::makeHeader() {
    m_frame = new PanelFrame(tr("What rounding costs"));
    m_showLosses = headerButton(tr("losses"));
    m_showStatistics = headerButton(tr("tensors"));
    m_showStatistics->setToolTip(
        tr("AbsMax, standard deviation and kurtosis of what is rounded, layer by layer"));
    auto* pages = new QButtonGroup(this);
    for (QToolButton* button : {m_showLosses, m_showStatistics}) {
        button->setCheckable(true);
        pages->addButton(button);
    }
    m_showLosses->setChecked(true);
    m_picture = headerButton(tr("picture…"));
    m_picture->setToolTip(tr("Save the picture that is shown as PNG, SVG or PDF"));
    m_csv = headerButton(tr("CSV…"));
    m_csv->setToolTip(tr("Save the table, every task and distance a row of its own"));
    for (QToolButton* button : {m_showLosses, m_showStatistics, m_picture, m_csv})
        m_frame->addHeaderWidget(button);
}

QWidget* StudyWindow::makeResultSide() {
    m_chart = new StudyChart;
    m_chart->setEmptyText(
        tr("Nothing was judged yet. Press Start: every plan becomes a point, of what it loses over the bits "
           "that it rounds to, for each kind of tensor and each question."));
    m_statistics = new StatisticsChart;
    m_pictures = new QStackedWidget;
    m_pictures->addWidget(m_chart);
    m_pictures->addWidget(m_statistics);
    m_list = new StudyList;
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(m_pictures);
    split->addWidget(m_list);
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 2);
    split->setChildrenCollapsible(false);
    split->setSizes({560, 260});
    m_progress = thinProgress();
    m_status = new QLabel;
    m_status->setWordWrap(true);
    makeHeader();
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(10, 6, 10, 8);
    column->addWidget(makeAdvice());
    column->addWidget(split, 1);
    column->addWidget(m_progress);
    column->addWidget(m_status);
    m_frame->setContent(content);
    return m_frame;
}

void StudyWindow::wire() {
    connect(m_form, &StudyForm::changed, this, &StudyWindow::showState);
    connect(m_form, &StudyForm::ruleChanged, this, &StudyWindow::showResult);
    connect(m_start, &QPushButton::clicked, this, &StudyWindow::start);
    connect(m_stop, &QPushButton::clicked, &m_run, &StudyRun::stop);
    connect(&m_run, &StudyRun::resultChanged, this, &StudyWindow::showResult);
    connect(&m_run, &StudyRun::stateChanged, this, &StudyWindow::showState);
    connect(&m_run, &StudyRun::failed, this, [this](const QString& line) { say(line, true); });
    connect(&m_run, &StudyRun::ended, this, &StudyWindow::savePictures);
    connect(m_chart, &StudyChart::planPicked, this, &StudyWindow::pick);
    connect(m_list, &StudyList::planPicked, this, &StudyWindow::pick);
    connect(&m_jobs, &JobRunner::failed, this, [this](Lane, const QString& line) { say(line, true); });
    connect(m_showLosses, &QToolButton::toggled, this, [this](bool losses) {
        m_pictures->setCurrentWidget(losses ? static_cast<QWidget*>(m_chart) : m_statistics);
    });
    askForNames();
}

void StudyWindow::askForNames() {
    connect(m_picture, &QToolButton::clicked, this, [this] {
        if (const QString path = askWhereToSave(this, QStringLiteral("study.svg"), pictureFilter());
            !path.isEmpty())
            savePicture(path);
    });
    connect(m_csv, &QToolButton::clicked, this, [this] {
        if (const QString path = askWhereToSave(this, QStringLiteral("study.csv"), tr("Tables (*.csv)"));
            !path.isEmpty())
            saveTable(path);
    });
}

void StudyWindow::setModel(std::shared_ptr<const LoadedModel> model) {
    m_form->setModel(std::move(model));
}

void StudyWindow::start() {
    if (m_run.running() || !m_form->refusal().isEmpty())
        return;
    say({});
    StudyRequest request = m_form->request();
    request.memoryBudget = m_budget();
    m_run.start(request);
}

void StudyWindow::pick(const QString& plan) {
    m_chart->setChosen(plan);
    Q_EMIT planPicked(plan);
}

void StudyWindow::showResult() {
    const std::shared_ptr<const StudyResult>& result = m_run.result();
    const StudyRule rule = m_form->rule();
    m_chart->setStudy(result, rule);
    m_statistics->setStatistics(result ? result->statistics : StatisticsTable{});
    const Recommendation made = result ? recommend(*result, rule) : Recommendation{};
    m_list->setStudy(result, rule, QString::fromStdString(made.plan));
    m_advice->setText(result ? QString::fromStdString(made.sentence)
                             : tr("What is advised stands here as soon as plans were judged"));
    m_rule->setText(result && result->done() > 0 ? tr("Rule: %1").arg(QString::fromStdString(made.rule))
                                                 : QString());
    m_frame->setSubtitle(result ? QString::fromStdString(result->model).section(QLatin1Char('/'), -1)
                                : QString());
    for (QToolButton* button : {m_picture, m_csv})
        button->setEnabled(result != nullptr);
}

void StudyWindow::showState() {
    const bool running = m_run.running();
    const QString refusal = m_form->refusal();
    const auto result = m_run.result();
    const qlonglong done = result ? result->done() : 0, all = result ? result->rows() : 0;
    m_form->setEditable(!running);
    m_start->setVisible(!running);
    m_start->setText(m_run.endedEarly() ? tr("Go on") : tr("Start"));
    m_start->setEnabled(refusal.isEmpty());
    m_start->setToolTip(refusal);
    m_stop->setVisible(running);
    m_progress->setVisible(running);
    m_progress->setValue(static_cast<int>(1000 * m_run.fraction()));
    if (running)
        say(done > 0 ? tr("running the plans one by one: %1 of %2 rows so far").arg(done).arg(all)
                     : tr("looking at the tensors, layer by layer"));
    else if (!m_status->property("bad").toBool())
        say(!refusal.isEmpty()   ? refusal
            : m_run.endedEarly() ? tr("stopped: %1 of %2 rows are there").arg(done).arg(all)
            : done == 0          ? QString()
                                 : tr("%1 rows; click a point or a row to make it plan B").arg(done));
}

QString StudyWindow::statusText() const {
    return m_status->text();
}

QString StudyWindow::adviceText() const {
    return m_advice->text();
}

void StudyWindow::say(const QString& line, bool bad) {
    m_status->setText(line);
    m_status->setProperty("bad", bad);
    m_status->setStyleSheet(QStringLiteral("color: %1").arg((bad ? theme().bad : theme().mutedText).name()));
}

void StudyWindow::savePicture(const QString& path) {
    const PictureFormat format = formatOf(path);
    const Picture picture =
        m_pictures->currentWidget() == m_chart ? pictureOf(*m_chart) : pictureOf(*m_statistics);
    // Painted now, written later.
    if (format == PictureFormat::Png)
        write(path, [image = imageOf(picture)] { return pngOf(image); });
    else
        write(path, [bytes = pictureBytes(picture, format)] { return bytes; });
}

// A folder has its pictures too, as the command line leaves them.
void StudyWindow::savePictures(const QString& folder) {
    if (folder.isEmpty())
        return;
    const Picture pictures[] = {pictureOf(*m_chart), pictureOf(*m_statistics)};
    for (const Picture& picture : pictures) {
        const QString file = folder + QLatin1Char('/') + picture.title;
        write(file + QStringLiteral(".svg"), [bytes = svgOf(picture)] { return bytes; });
        write(file + QStringLiteral(".png"), [image = imageOf(picture)] { return pngOf(image); });
    }
}

void StudyWindow::saveTable(const QString& path) {
    if (const auto result = m_run.result())
        write(path, [result] { return studyCsv(*result); });
}

void StudyWindow::write(const QString& path, std::function<std::string()> make) {
    saveInBackground(m_jobs, path, std::move(make), [this, path] {
        say(tr("Saved %1").arg(path));
        Q_EMIT saved(path);
    });
}

StudyWindow* showStudy(MainWindow& window) {
    auto* study = window.findChild<StudyWindow*>(QString(), Qt::FindDirectChildrenOnly);
    if (!study) {
        study = new StudyWindow(&window);
        Document& document = window.document();
        study->setModel(document.model());
        study->setBudget([&window] { return window.controller().limits().memoryBudget; });
        QObject::connect(&document, &Document::modelChanged, study,
                         [study, &document] { study->setModel(document.model()); });
        QObject::connect(study, &StudyWindow::planPicked, &window,
                         [&window](const QString& plan) { takeAsPlanB(window, plan); });
    }
    study->show();
    study->raise();
    study->activateWindow();
    return study;
}

} // namespace fovea
