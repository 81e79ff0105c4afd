#include "app/window/training_form.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QSpinBox>
#include <QToolButton>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/train/train_options.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kTokens = 0; // of the unit's choices; 1 is minutes

QSpinBox* spin(int low, int high, const QString& tip, const QString& suffix = {},
               const QString& atLowest = {}) {
    auto* box = new QSpinBox;
    box->setRange(low, high);
    box->setToolTip(tip);
    box->setSuffix(suffix);
    box->setSpecialValueText(atLowest);
    return box;
}

QComboBox* powers(int low, int high, const QString& tip) {
    auto* box = new QComboBox;
    for (int value = low; value <= high; value *= 2)
        box->addItem(QLocale().toString(value), value);
    box->setToolTip(tip);
    return box;
}

void choose(QComboBox& box, int value) {
    if (box.findData(value) < 0)
        box.addItem(QLocale().toString(value), value);
    box.setCurrentIndex(box.findData(value));
}

QLabel* heading(const QString& text) {
    auto* label = new QLabel(text);
    label->setFont(uiFont(12, true));
    label->setContentsMargins(0, 10, 0, 0);
    return label;
}

} // namespace

TrainingForm::TrainingForm(QWidget* parent) : QWidget(parent) {
    makeFields();
    lay();
    setOptions({});
    connect(m_add, &QToolButton::clicked, this, &TrainingForm::addTexts);
    connect(m_remove, &QToolButton::clicked, this, [this] {
        qDeleteAll(m_texts->selectedItems());
        Q_EMIT changed();
    });
    connect(m_choose, &QToolButton::clicked, this, &TrainingForm::chooseFolder);
    connect(m_folder, &QLineEdit::textChanged, this, [this](const QString& folder) {
        Q_EMIT folderChanged(folder);
        Q_EMIT changed();
    });
    for (QSpinBox* box : findChildren<QSpinBox*>())
        connect(box, &QSpinBox::valueChanged, this, &TrainingForm::changed);
    for (QDoubleSpinBox* box : findChildren<QDoubleSpinBox*>())
        connect(box, &QDoubleSpinBox::valueChanged, this, &TrainingForm::changed);
    for (QComboBox* box : findChildren<QComboBox*>())
        connect(box, &QComboBox::currentIndexChanged, this, &TrainingForm::changed);
    connect(m_keepBest, &QCheckBox::toggled, this, &TrainingForm::changed);
}

void TrainingForm::makeFields() {
    m_texts = new QListWidget;
    m_texts->setFixedHeight(64);
    m_texts->setMinimumWidth(60);
    m_texts->setTextElideMode(Qt::ElideMiddle);
    m_texts->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_texts->setToolTip(tr("UTF-8 text files; the last 2 % of each are held out"));
    const auto button = [](const QString& text, const QString& tip) {
        auto* made = new QToolButton;
        made->setText(text);
        made->setToolTip(tip);
        return made;
    };
    m_add = button(tr("Add…"), tr("Add text files"));
    m_remove = button(tr("Remove"), tr("Take the selected files off the list"));
    m_choose = button(tr("Choose…"), tr("The folder that the model goes to"));
    m_folder = new QLineEdit;
    m_folder->setPlaceholderText(tr("names the model"));
    m_folder->setMinimumWidth(60);
    m_length = new QDoubleSpinBox;
    m_length->setRange(0.01, 1e6);
    m_length->setDecimals(2);
    m_lengthUnit = new QComboBox;
    m_lengthUnit->addItems({tr("million tokens"), tr("minutes")});
    m_lengthUnit->setToolTip(
        tr("Bounded by tokens, a training can be repeated exactly; by minutes it cannot"));
    m_width = spin(8, 8192, tr("Of the residual stream"));
    m_width->setSingleStep(32);
    m_layers = spin(1, 200, {});
    m_heads = spin(1, 256, tr("Query heads; they divide the width"));
    m_kvHeads = spin(1, 256, tr("KV heads; they divide the query heads"));
    m_ffn = spin(8, 65536, tr("Inner width of the SwiGLU"));
    m_ffn->setSingleStep(64);
    m_vocabulary = spin(400, 65536, tr("Pieces of the tokenizer"));
    m_vocabulary->setSingleStep(100);
    m_context = powers(64, 8192, tr("Longest sequence"));
    m_batch = powers(512, 131072, tr("Tokens that one step learns from"));
    m_rate = new QDoubleSpinBox;
    m_rate->setRange(0.001, 100);
    m_rate->setDecimals(3);
    m_rate->setSingleStep(0.1);
    m_rate->setSuffix(tr(" · 10⁻³"));
    m_rate->setToolTip(tr("Peak learning rate"));
    m_accumulate = spin(1, 1024, tr("Parts that a step's tokens are taken in: less memory, the same step"),
                        tr(" parts"), tr("in one piece"));
    m_validate =
        spin(0, 100000, tr("How often the loss on held-out text is taken"), tr(" steps"), tr("never"));
    m_save = spin(0, 86400, tr("How often the state is saved that a killed training is resumed from"),
                  tr(" s"), tr("every step"));
    m_threads = spin(0, 256, tr("Of this machine"), {}, tr("all"));
    m_seed = spin(0, std::numeric_limits<int>::max(), tr("Of the weights and the sequences"));
    m_keepBest = new QCheckBox(tr("keep the weights of the lowest held-out loss"));
}

void TrainingForm::lay() {
    const auto row = [](std::initializer_list<QWidget*> widgets, int stretched = 0) {
        auto* box = new QHBoxLayout;
        int at = 0;
        for (QWidget* widget : widgets)
            box->addWidget(widget, at++ == stretched ? 1 : 0);
        return box;
    };
    auto* textButtons = row({new QWidget, m_add, m_remove});
    auto* form = new QFormLayout(this);
    form->setContentsMargins(12, 4, 12, 12);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->addRow(heading(tr("Text")));
    form->addRow(m_texts);
    form->addRow(textButtons);
    form->addRow(tr("Model folder"), row({m_folder, m_choose}));
    form->addRow(tr("Train for"), row({m_length, m_lengthUnit}));
    form->addRow(heading(tr("Shape")));
    form->addRow(tr("Width"), m_width);
    form->addRow(tr("Layers"), m_layers);
    form->addRow(tr("Query heads"), m_heads);
    form->addRow(tr("KV heads"), m_kvHeads);
    form->addRow(tr("Feed-forward"), m_ffn);
    form->addRow(tr("Vocabulary"), m_vocabulary);
    form->addRow(tr("Context"), m_context);
    form->addRow(heading(tr("Learning")));
    form->addRow(tr("Tokens per step"), m_batch);
    form->addRow(tr("Gradients"), m_accumulate);
    form->addRow(tr("Peak rate"), m_rate);
    form->addRow(tr("Seed"), m_seed);
    form->addRow(tr("Threads"), m_threads);
    form->addRow(tr("Held-out loss every"), m_validate);
    form->addRow(m_keepBest);
    form->addRow(tr("Save state every"), m_save);
}

TrainOptions TrainingForm::options() const {
    TrainOptions o;
    for (int i = 0; i < m_texts->count(); ++i)
        o.text.emplace_back(m_texts->item(i)->data(Qt::UserRole).toString().toStdString());
    o.out = m_folder->text().toStdString();
    const bool byTokens = m_lengthUnit->currentIndex() == kTokens;
    o.tokens = byTokens ? std::llround(1e6 * m_length->value()) : 0;
    if (!byTokens)
        o.minutes = m_length->value();
    o.width = m_width->value();
    o.layers = m_layers->value();
    o.heads = m_heads->value();
    o.kvHeads = m_kvHeads->value();
    o.ffn = m_ffn->value();
    o.vocabulary = m_vocabulary->value();
    o.context = m_context->currentData().toInt();
    o.batchTokens = m_batch->currentData().toInt();
    o.accumulate = m_accumulate->value();
    o.learningRate = m_rate->value() / 1000;
    o.seed = static_cast<std::uint64_t>(m_seed->value());
    o.threads = m_threads->value();
    o.validateEvery = m_validate->value();
    o.keepBest = m_keepBest->isChecked();
    o.saveSeconds = m_save->value();
    return o;
}

void TrainingForm::setOptions(const TrainOptions& o) {
    const QSignalBlocker quiet(this); // one change, not twenty
    m_texts->clear();
    for (const auto& file : o.text) {
        auto* item = new QListWidgetItem(QString::fromStdString(file.filename().string()), m_texts);
        item->setData(Qt::UserRole, QString::fromStdString(file.string()));
        item->setToolTip(QString::fromStdString(file.string()));
    }
    m_lengthUnit->setCurrentIndex(o.tokens > 0 ? kTokens : 1);
    m_length->setValue(o.tokens > 0 ? static_cast<double>(o.tokens) / 1e6 : o.minutes);
    m_width->setValue(o.width);
    m_layers->setValue(o.layers);
    m_heads->setValue(o.heads);
    m_kvHeads->setValue(o.kvHeads);
    m_ffn->setValue(o.ffn);
    m_vocabulary->setValue(o.vocabulary);
    choose(*m_context, o.context);
    choose(*m_batch, static_cast<int>(o.batchTokens));
    m_accumulate->setValue(o.accumulate);
    m_rate->setValue(1000 * o.learningRate);
    m_seed->setValue(static_cast<int>(std::min<std::uint64_t>(o.seed, std::numeric_limits<int>::max())));
    m_threads->setValue(o.threads);
    m_validate->setValue(static_cast<int>(o.validateEvery));
    m_keepBest->setChecked(o.keepBest);
    m_save->setValue(static_cast<int>(o.saveSeconds));
}

void TrainingForm::setFolder(const QString& folder) {
    m_folder->setText(folder);
}

void TrainingForm::setEditable(bool editable) {
    for (QWidget* widget : findChildren<QWidget*>(Qt::FindDirectChildrenOnly))
        if (widget != m_folder && widget != m_choose && !qobject_cast<QLabel*>(widget))
            widget->setEnabled(editable);
}

QString TrainingForm::refusal() const {
    if (m_texts->count() == 0)
        return tr("Add a text to learn from.");
    if (m_folder->text().isEmpty())
        return tr("Choose a folder for the model.");
    try {
        requireSound(options());
    } catch (const std::invalid_argument& error) {
        QString line = QString::fromUtf8(error.what()).section(QStringLiteral("train: "), -1);
        line[0] = line[0].toUpper();
        return line + u'.';
    }
    return {};
}

void TrainingForm::addTexts() {
    const QStringList files =
        QFileDialog::getOpenFileNames(this, tr("Add texts"), {}, tr("Texts (*.txt *.md);;All files (*)"));
    TrainOptions o = options();
    for (const QString& file : files)
        o.text.emplace_back(file.toStdString());
    setOptions(o);
    Q_EMIT changed();
}

void TrainingForm::chooseFolder() {
    const QString folder =
        QFileDialog::getExistingDirectory(this, tr("Folder for the model"), m_folder->text());
    if (!folder.isEmpty())
        m_folder->setText(folder);
}

} // namespace fovea
