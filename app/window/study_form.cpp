#include "app/window/study_form.h"

#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/window/bundled.h"
#include "app/window/form_parts.h"
#include "app/window/loaded_model.h"

namespace fovea {

namespace {

QFormLayout* formIn(QVBoxLayout* column) {
    auto* layout = new QFormLayout;
    layout->setHorizontalSpacing(10);
    layout->setVerticalSpacing(6);
    column->addLayout(layout);
    return layout;
}

QLabel* note(const QString& text) {
    QLabel* label = noteLabel();
    label->setText(text);
    return label;
}

} // namespace

StudyForm::StudyForm(QWidget* parent) : QWidget(parent) {
    makeFields();
    lay();
    for (QSpinBox* box : {m_samples, m_length, m_pairs, m_seed})
        connect(box, &QSpinBox::valueChanged, this, &StudyForm::changed);
    for (QLineEdit* edit : {m_text, m_out})
        connect(edit, &QLineEdit::textChanged, this, &StudyForm::changed);
    connect(m_within, &QDoubleSpinBox::valueChanged, this, &StudyForm::ruleChanged);
    connect(m_chooseText, &QToolButton::clicked, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("The study's text"), {},
                                                          tr("Texts (*.txt);;All files (*)"));
        if (!path.isEmpty())
            m_text->setText(path);
    });
    connect(m_chooseOut, &QToolButton::clicked, this, [this] {
        const QString path = QFileDialog::getExistingDirectory(this, tr("The study's folder"));
        if (!path.isEmpty())
            m_out->setText(path);
    });
}

void StudyForm::makeFields() {
    const StudyOptions usual;
    m_samples = wholeNumber(1, 100000, usual.samples, tr("Texts of each task, each under every plan"));
    m_length = wholeNumber(0, 1 << 24, 0, tr("Tokens of a sample, its prompt included"), tr("by the task"));
    m_pairs = wholeNumber(1, 48, usual.pairs, tr("Pairs to recall"));
    m_seed = wholeNumber(0, 1 << 30, 1, tr("Which texts: the same seed makes the same ones"));
    m_within = new QDoubleSpinBox;
    m_within->setRange(0, 1000);
    m_within->setDecimals(1);
    m_within->setSuffix(tr(" %"));
    m_within->setValue(100 * StudyRule{}.within);
    m_within->setToolTip(tr("Of dense's score, on any question, two standard errors on top"));
    m_text = new QLineEdit;
    m_text->setPlaceholderText(tr("the bundled text"));
    m_chooseText = chooseButton(tr("The text that all tasks and the statistics are cut from"));
    m_out = new QLineEdit;
    m_out->setPlaceholderText(tr("none: kept on screen"));
    m_chooseOut = chooseButton(
        tr("A folder that gets every row as it is found; a study that it has begun is gone on with"));
    for (QLineEdit* edit : {m_text, m_out})
        edit->setMinimumWidth(60);
}

void StudyForm::lay() {
    m_asked = new QWidget;
    auto* asked = new QVBoxLayout(m_asked);
    asked->setContentsMargins(0, 0, 0, 0);
    asked->setSpacing(6);
    asked->addWidget(heading(tr("Questions")));
    asked->addWidget(note(tr(
        "Bits per character of a text; pairs recalled, near and far back apart; a passage copied. Each under "
        "weights, activations, K and V rounded to 8 bits and fewer, by every method that there is.")));
    QFormLayout* questions = formIn(asked);
    questions->addRow(tr("samples"), m_samples);
    questions->addRow(tr("length"), m_length);
    questions->addRow(tr("pairs"), m_pairs);
    questions->addRow(tr("seed"), m_seed);
    questions->addRow(tr("text"), besideButton(m_text, m_chooseText));
    asked->addWidget(heading(tr("Tables and pictures")));
    formIn(asked)->addRow(tr("folder"), besideButton(m_out, m_chooseOut));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 4, 12, 8);
    column->setSpacing(6);
    column->addWidget(m_asked);
    column->addWidget(heading(tr("Advice")));
    column->addWidget(note(
        tr("The plan that reads the fewest bytes of those that lose no more than this on any question.")));
    formIn(column)->addRow(tr("may lose"), m_within);
    column->addStretch(1);
}

void StudyForm::setModel(std::shared_ptr<const LoadedModel> model) {
    m_model = std::move(model);
    Q_EMIT changed();
}

StudyRequest StudyForm::request() const {
    StudyRequest request;
    request.model = m_model;
    request.options.samples = m_samples->value();
    request.options.length = m_length->value();
    request.options.pairs = m_pairs->value();
    request.options.seed = static_cast<std::uint64_t>(m_seed->value());
    request.text =
        m_text->text().isEmpty() ? bundledText() : std::filesystem::path(m_text->text().toStdString());
    request.out = m_out->text().toStdString();
    return request;
}

void StudyForm::setRequest(const StudyRequest& request) {
    m_samples->setValue(request.options.samples);
    m_length->setValue(static_cast<int>(request.options.length));
    m_pairs->setValue(request.options.pairs);
    m_seed->setValue(static_cast<int>(request.options.seed));
    m_text->setText(request.text == bundledText() ? QString()
                                                  : QString::fromStdString(request.text.string()));
    m_out->setText(QString::fromStdString(request.out.string()));
}

StudyRule StudyForm::rule() const {
    StudyRule rule;
    rule.within = m_within->value() / 100;
    return rule;
}

void StudyForm::setRule(const StudyRule& rule) {
    m_within->setValue(100 * rule.within);
}

void StudyForm::setEditable(bool editable) {
    m_asked->setEnabled(editable);
}

QString StudyForm::refusal() const {
    return m_model ? QString() : tr("No model is open: open one in the window.");
}

} // namespace fovea
