#include "app/window/sweep_form.h"

#include <QComboBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/window/bundled.h"
#include "app/window/form_parts.h"
#include "app/window/loaded_model.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kPlansHeight = 118;

// What the metric is, in a sentence.
QString aboutTask(const QString& task) {
    if (task == QLatin1String("repetition"))
        return SweepForm::tr(
            "A passage, then a sentence of it again: how many characters of what followed there are "
            "written once more, under the plan. For models that copy text.");
    if (task == QLatin1String("text"))
        return SweepForm::tr("The second half of a window of text, read under the plan: bits per character.");
    return SweepForm::tr(
        "Pairs are listed, then asked for between stretches of text under the plan: the share whose "
        "value is ranked first.");
}

} // namespace

SweepForm::SweepForm(QWidget* parent) : QWidget(parent) {
    makeFields();
    lay();
    for (QSpinBox* box : findChildren<QSpinBox*>())
        connect(box, &QSpinBox::valueChanged, this, &SweepForm::changed);
    for (QLineEdit* edit : {m_text, m_out})
        connect(edit, &QLineEdit::textChanged, this, &SweepForm::changed);
    connect(m_task, &QComboBox::currentIndexChanged, this, [this] {
        for (QSpinBox* box : {m_pairs, m_prompt})
            box->setEnabled(m_task->currentData().toString() == QLatin1String("recall"));
        m_about->setText(aboutTask(m_task->currentData().toString()));
        Q_EMIT changed();
    });
    connect(m_plans, &QPlainTextEdit::textChanged, this, [this] {
        showOutlook();
        Q_EMIT changed();
    });
    connect(m_chooseText, &QToolButton::clicked, this, [this] { choose(m_text, false); });
    connect(m_chooseOut, &QToolButton::clicked, this, [this] { choose(m_out, true); });
    m_about->setText(aboutTask(QStringLiteral("recall")));
    showOutlook();
}

void SweepForm::makeFields() {
    m_task = new QComboBox;
    for (const char* name : {"recall", "repetition", "text"})
        m_task->addItem(QLatin1String(name), QLatin1String(name));
    m_length = wholeNumber(0, 1 << 24, 0, tr("Tokens of a sample, its prompt included"), tr("by the task"));
    m_samples = wholeNumber(1, 100000, 8, tr("Texts to run, each under every plan"));
    m_seed = wholeNumber(0, 1 << 30, 1, tr("Which texts: the same seed makes the same ones"));
    m_pairs = wholeNumber(1, 48, 16, tr("Pairs to recall"));
    m_prompt =
        wholeNumber(0, 1 << 24, 0,
                    tr("Tokens of a sample that are its prompt, with the list and the first questions: what "
                       "keeps that go by "
                       "what a prompt's queries look at have to go by"),
                    tr("the list alone"));
    m_text = new QLineEdit;
    m_text->setPlaceholderText(tr("the bundled text"));
    m_text->setMinimumWidth(60);
    m_chooseText = chooseButton(tr("The text that passages, windows and filler are cut from"));
    m_out = new QLineEdit;
    m_out->setPlaceholderText(tr("none: kept on screen"));
    m_out->setMinimumWidth(60);
    m_chooseOut = chooseButton(
        tr("A CSV that gets every row as it is found; a sweep that it has begun is gone on with"));
    m_plans = new QPlainTextEdit(
        QStringLiteral("read=sparq:r={4,8,16},k={16,32,64}\nkeep=streaming:window={28,60,124}"));
    m_plans->setFont(numberFont(12));
    m_plans->setFixedHeight(kPlansHeight);
    m_plans->setTabChangesFocus(true);
    m_plans->setToolTip(tr("One plan to a line; {4,8,16} stands for each of the three"));
    m_facts = noteLabel();
    m_about = noteLabel();
}

void SweepForm::lay() {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 4, 12, 8);
    column->setSpacing(6);
    const auto form = [&] {
        auto* layout = new QFormLayout;
        layout->setHorizontalSpacing(10);
        layout->setVerticalSpacing(6);
        column->addLayout(layout);
        return layout;
    };
    column->addWidget(heading(tr("Task")));
    QFormLayout* task = form();
    task->addRow(tr("task"), m_task);
    task->addRow(m_about);
    task->addRow(tr("length"), m_length);
    task->addRow(tr("samples"), m_samples);
    task->addRow(tr("seed"), m_seed);
    task->addRow(tr("pairs"), m_pairs);
    task->addRow(tr("prompt"), m_prompt);
    task->addRow(tr("text"), besideButton(m_text, m_chooseText));
    column->addWidget(heading(tr("Plans")));
    column->addWidget(m_plans);
    column->addWidget(m_facts);
    column->addWidget(heading(tr("Table")));
    form()->addRow(tr("file"), besideButton(m_out, m_chooseOut));
    column->addStretch(1);
}

void SweepForm::choose(QLineEdit* into, bool save) {
    const QString path =
        save ? QFileDialog::getSaveFileName(this, tr("The sweep's table"), QStringLiteral("sweep.csv"),
                                            tr("Tables (*.csv)"), nullptr, QFileDialog::DontConfirmOverwrite)
             : QFileDialog::getOpenFileName(this, tr("The task's text"), {},
                                            tr("Texts (*.txt);;All files (*)"));
    if (!path.isEmpty())
        into->setText(path);
}

void SweepForm::setModel(std::shared_ptr<const LoadedModel> model) {
    m_model = std::move(model);
    showOutlook();
    Q_EMIT changed();
}

void SweepForm::showOutlook() {
    m_outlook = outlookOf(request().templates, m_model ? &m_model->spec : nullptr);
    QString text = m_outlook.readable ? tr("%1 plans with dense").arg(m_outlook.plans) : m_outlook.why;
    if (m_outlook.refused > 0)
        text = tr("%1 plans with dense, %2 of them skipped: %3")
                   .arg(m_outlook.plans)
                   .arg(m_outlook.refused)
                   .arg(m_outlook.why);
    m_facts->setText(text);
}

SweepRequest SweepForm::request() const {
    SweepRequest request;
    request.model = m_model;
    request.task.name = m_task->currentData().toString().toStdString();
    request.task.length = m_length->value();
    request.task.pairs = m_pairs->value();
    request.task.prompt = request.task.name == "recall" ? m_prompt->value() : 0;
    request.task.seed = static_cast<std::uint64_t>(m_seed->value());
    request.samples = m_samples->value();
    request.text =
        m_text->text().isEmpty() ? bundledText() : std::filesystem::path(m_text->text().toStdString());
    request.out = m_out->text().toStdString();
    for (const QString& line : m_plans->toPlainText().split(QLatin1Char('\n')))
        if (!line.trimmed().isEmpty())
            request.templates.push_back(line.trimmed().toStdString());
    return request;
}

void SweepForm::setRequest(const SweepRequest& request) {
    m_task->setCurrentIndex(std::max(m_task->findData(QString::fromStdString(request.task.name)), 0));
    m_length->setValue(static_cast<int>(request.task.length));
    m_pairs->setValue(request.task.pairs);
    m_prompt->setValue(static_cast<int>(request.task.prompt));
    m_seed->setValue(static_cast<int>(request.task.seed));
    m_samples->setValue(request.samples);
    m_text->setText(request.text == bundledText() ? QString()
                                                  : QString::fromStdString(request.text.string()));
    m_out->setText(QString::fromStdString(request.out.string()));
    QStringList lines;
    for (const std::string& line : request.templates)
        lines << QString::fromStdString(line);
    m_plans->setPlainText(lines.join(QLatin1Char('\n')));
}

void SweepForm::setEditable(bool editable) {
    setEnabled(editable);
}

QString SweepForm::refusal() const {
    if (!m_model)
        return tr("No model is open: open one in the window.");
    if (!m_outlook.readable)
        return m_outlook.why;
    if (m_outlook.plans - m_outlook.refused < 2)
        return m_outlook.refused > 0 ? m_outlook.why : tr("Write a plan, for example read=sparq:r={4,8,16}.");
    return {};
}

} // namespace fovea
