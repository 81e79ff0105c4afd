#include "app/window/calibration_form.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QRegularExpression>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include <tuple>

#include "app/window/loaded_model.h"
#include "core/calibrate/calibrated_folder.h"
#include "core/calibrate/calibrated_model.h"
#include "core/calibrate/codebook_file.h"
#include "core/plan/attention_plan.h"
#include "core/plan/learnt_store_text.h"
#include "core/trace/byte_text.h"
#include "views/theme.h"

namespace fovea {

namespace {

QSpinBox* spin(int low, int high, int value, const QString& tip) {
    auto* box = new QSpinBox;
    box->setRange(low, high);
    box->setValue(value);
    box->setToolTip(tip);
    return box;
}

QDoubleSpinBox* fractions(double most, double value, double step, const QString& tip) {
    auto* box = new QDoubleSpinBox;
    box->setRange(0, most);
    box->setDecimals(3);
    box->setSingleStep(step);
    box->setValue(value);
    box->setToolTip(tip);
    return box;
}

QComboBox* numbers(std::initializer_list<int> values, int chosen, const QString& tip) {
    auto* box = new QComboBox;
    for (const int value : values)
        box->addItem(QString::number(value), value);
    box->setCurrentIndex(box->findData(chosen));
    box->setToolTip(tip);
    return box;
}

// A refusal may name a number that is not offered.
void setNumber(QComboBox& box, int value) {
    if (box.findData(value) < 0)
        box.addItem(QString::number(value), value);
    box.setCurrentIndex(box.findData(value));
}

int numberOf(const QComboBox& box) {
    return box.currentData().toInt();
}

QLayout* beside(QWidget* field, QWidget* button) {
    auto* row = new QHBoxLayout;
    row->setSpacing(6);
    row->addWidget(field, 1);
    row->addWidget(button);
    return row;
}

} // namespace

CalibrationRequest calibrationNamed(const QString& line) {
    static const QRegularExpression command(QStringLiteral("fovea calibrate --(weights|store) ([^\\s`]+)"));
    const QRegularExpressionMatch match = command.match(line);
    CalibrationRequest named;
    named.ofStore = match.captured(1) == QLatin1String("store");
    named.method = match.captured(2).toStdString();
    return named;
}

CalibrationForm::CalibrationForm(QWidget* parent) : QWidget(parent) {
    makeFields();
    lay();
    for (QComboBox* box : findChildren<QComboBox*>())
        if (box != m_method)
            connect(box, &QComboBox::currentIndexChanged, this, &CalibrationForm::showOutlook);
    for (QSpinBox* box : findChildren<QSpinBox*>())
        connect(box, &QSpinBox::valueChanged, this, &CalibrationForm::showOutlook);
    for (QDoubleSpinBox* box : {m_alpha, m_outliers})
        connect(box, &QDoubleSpinBox::valueChanged, this, &CalibrationForm::showOutlook);
    for (QLineEdit* edit : {m_text, m_to})
        connect(edit, &QLineEdit::textChanged, this, &CalibrationForm::showOutlook);
    connect(m_weighted, &QCheckBox::toggled, this, &CalibrationForm::showOutlook);
    connect(m_method, &QComboBox::currentIndexChanged, this, &CalibrationForm::showFields);
    connect(m_chooseText, &QToolButton::clicked, this, [this] { choose(m_text, false); });
    connect(m_chooseTo, &QToolButton::clicked, this, [this] { choose(m_to, true); });
    showFields();
}

void CalibrationForm::makeFields() {
    m_method = new QComboBox;
    m_method->setObjectName(QStringLiteral("calibrationMethod"));
    m_method->addItems({tr("AWQ, weights"), tr("GPTQ, weights"), tr("SmoothQuant, weights"),
                        tr("KVQuant, store"), tr("Coupled Quantisation, store")});
    const RtnParams rtn;
    m_bits = numbers({8, 4, 3, 2}, rtn.bits, tr("A weight becomes the nearest of 2^b levels"));
    m_group = numbers({32, 64, 128, 256}, rtn.group,
                      tr("Weights of a row in groups of g, each with a scale of its own"));
    m_alpha = fractions(1, SmoothParams{}.alpha, .05,
                        tr("How much of a channel's range goes from activations into weights"));
    const KvquantParams kvquant;
    m_storeBits = numbers({4, 3, 2}, kvquant.bits, tr("A number becomes one of 2^b levels that are learnt"));
    m_outliers = fractions(KvquantParams::kMostOutliers, kvquant.outliers, .005,
                           tr("The share of numbers that are kept as they are"));
    m_exact = spin(0, KvquantParams::kMostExact, kvquant.exact,
                   tr("The first tokens of a text are kept as they are"));
    m_norm = new QComboBox;
    m_norm->addItems({tr("at 2 bits"), tr("on"), tr("off")});
    m_norm->setToolTip(tr("Q-Norm: what is read has the mean and deviation of what was stored"));
    const CqParams cq;
    m_channels = numbers({1, 2, 4, 8}, cq.channels, tr("Channels that are one code together"));
    m_centroidBits = spin(1, CqParams::kMostBits, cq.bits, tr("Of that code: the nearest of 2^b centroids"));
    m_recent = spin(0, CqParams::kMostRecent, cq.recent, tr("The newest tokens are kept as they are"));
    m_weighted = new QCheckBox(tr("by squared gradients"));
    m_weighted->setChecked(true);
    m_weighted->setToolTip(tr("Numbers count by how much the loss depends on them (Fisher weights)"));
    const TextBlocks blocks;
    m_blocks = spin(1, 1 << 20, static_cast<int>(blocks.blocks), tr("Runs of the text's tokens"));
    m_length = spin(2, 1 << 20, static_cast<int>(blocks.length), tr("Tokens of each"));
    m_seed = spin(0, 1 << 30, static_cast<int>(blocks.seed), tr("Which runs, and where centroids begin"));
    for (auto [edit, button, tip] :
         {std::tuple(&m_text, &m_chooseText,
                     tr("The text to learn from, best one that the model is not judged by")),
          std::tuple(&m_to, &m_chooseTo, tr("A plan finds what lies beside the model alone"))}) {
        *edit = new QLineEdit;
        (*edit)->setMinimumWidth(60);
        *button = new QToolButton;
        (*button)->setText(tr("Choose…"));
        for (QWidget* widget : std::initializer_list<QWidget*>{*edit, *button})
            widget->setToolTip(tip);
    }
    m_text->setPlaceholderText(tr("the bundled text, which is short"));
    for (QLabel** label : {&m_about, &m_facts}) {
        *label = new QLabel;
        (*label)->setWordWrap(true);
        (*label)->setFont(uiFont(11));
        (*label)->setProperty("role", "muted");
    }
    m_facts->setObjectName(QStringLiteral("calibrationFacts"));
}

void CalibrationForm::lay() {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 8, 12, 8);
    m_parameters = new QFormLayout;
    m_parameters->setHorizontalSpacing(10);
    m_parameters->setVerticalSpacing(6);
    column->addLayout(m_parameters);
    m_parameters->addRow(tr("method"), m_method);
    m_parameters->addRow(m_about);
    m_parameters->addRow(tr("b  bits per weight"), m_bits);
    m_parameters->addRow(tr("g  weights per scale"), m_group);
    m_parameters->addRow(tr("α  strength"), m_alpha);
    m_parameters->addRow(tr("b  bits per number"), m_storeBits);
    m_parameters->addRow(tr("outliers, a share"), m_outliers);
    m_parameters->addRow(tr("exact first tokens"), m_exact);
    m_parameters->addRow(tr("Q-Norm"), m_norm);
    m_parameters->addRow(tr("c  channels per code"), m_channels);
    m_parameters->addRow(tr("b  bits per code"), m_centroidBits);
    m_parameters->addRow(tr("exact newest tokens"), m_recent);
    m_parameters->addRow(tr("weighted"), m_weighted);
    m_parameters->addRow(tr("text"), beside(m_text, m_chooseText));
    m_parameters->addRow(tr("blocks"), m_blocks);
    m_parameters->addRow(tr("length"), m_length);
    m_parameters->addRow(tr("seed"), m_seed);
    m_parameters->addRow(tr("save to"), beside(m_to, m_chooseTo));
    m_parameters->addRow(m_facts);
    column->addStretch(1);
}

CalibrationForm::Method CalibrationForm::method() const {
    return static_cast<Method>(m_method->currentIndex());
}

void CalibrationForm::showFields() {
    const Method now = method();
    const auto show = [this](QWidget* field, bool shown) { m_parameters->setRowVisible(field, shown); };
    for (QWidget* field : {m_bits, m_group})
        show(field, now == Awq || now == Gptq);
    show(m_alpha, now == Smooth);
    for (QWidget* field : std::initializer_list<QWidget*>{m_storeBits, m_outliers, m_exact, m_norm})
        show(field, now == Kvquant);
    for (QWidget* field : std::initializer_list<QWidget*>{m_channels, m_centroidBits, m_recent})
        show(field, now == Cq);
    show(m_weighted, ofStore());
    // What the other kind begins with was not chosen by anybody.
    if (const int other = static_cast<int>(ofStore() ? TextBlocks{}.blocks : kStoreBlocks);
        m_blocks->value() == other)
        m_blocks->setValue(static_cast<int>(ofStore() ? kStoreBlocks : TextBlocks{}.blocks));
    const QString abouts[] = {
        tr("Scales the channels that matter before rounding, by what the text puts into them. Saved as a "
           "model."),
        tr("Rounds column by column and lets the rest make up for it. Saved as a model."),
        tr("Moves the range of activations into weights; leaves floats, which another method rounds. Saved "
           "as a model."),
        tr("Learns ranges of channels and levels for keys before RoPE and values. Saved as a file of "
           "codebooks."),
        tr("Learns the vectors that stand for channels coded together. Saved as a file of codebooks.")};
    m_about->setText(abouts[now]);
    showOutlook();
}

CalibrationRequest CalibrationForm::request() const {
    CalibrationRequest r{.ofStore = ofStore(), .weighted = m_weighted->isChecked()};
    const auto words = [](const char* text) { return QString::fromLatin1(text); };
    switch (method()) {
    case Awq:
    case Gptq:
        r.method = words("%1:bits=%2,group=%3")
                       .arg(method() == Awq ? words("awq") : words("gptq"))
                       .arg(numberOf(*m_bits))
                       .arg(numberOf(*m_group))
                       .toStdString();
        break;
    case Smooth:
        r.method = words("smooth:alpha=%1").arg(m_alpha->value(), 0, 'g', 6).toStdString();
        break;
    case Kvquant: {
        KvquantParams p{
            .bits = numberOf(*m_storeBits), .outliers = m_outliers->value(), .exact = m_exact->value()};
        if (m_norm->currentIndex() > 0)
            p.norm = m_norm->currentIndex() == 1;
        r.method = learntStoreText(p);
        break;
    }
    case Cq:
        r.method = learntStoreText(CqParams{
            .channels = numberOf(*m_channels), .bits = m_centroidBits->value(), .recent = m_recent->value()});
        break;
    }
    if (m_model)
        r.model = m_model->path;
    r.text = m_text->text().toStdString();
    r.to = m_to->text().toStdString();
    r.blocks = {m_blocks->value(), m_length->value(), static_cast<std::uint64_t>(m_seed->value())};
    return r;
}

void CalibrationForm::setRequest(const CalibrationRequest& request) {
    setMethod(request);
    m_weighted->setChecked(request.weighted);
    m_text->setText(QString::fromStdString(request.text.string()));
    m_to->setText(QString::fromStdString(request.to.string()));
    m_blocks->setValue(static_cast<int>(request.blocks.blocks));
    m_length->setValue(static_cast<int>(request.blocks.length));
    m_seed->setValue(static_cast<int>(request.blocks.seed));
}

void CalibrationForm::setMethod(const CalibrationRequest& request) {
    const QString text = QString::fromStdString(request.method);
    try {
        if (request.ofStore) {
            const LearntStore store = parseLearntStore(request.method);
            if (const auto* kvquant = std::get_if<KvquantParams>(&store)) {
                m_method->setCurrentIndex(Kvquant);
                setNumber(*m_storeBits, kvquant->bits);
                m_outliers->setValue(kvquant->outliers);
                m_exact->setValue(kvquant->exact);
                m_norm->setCurrentIndex(kvquant->norm ? (*kvquant->norm ? 1 : 2) : 0);
            } else {
                const auto& cq = std::get<CqParams>(store);
                m_method->setCurrentIndex(Cq);
                setNumber(*m_channels, cq.channels);
                m_centroidBits->setValue(cq.bits);
                m_recent->setValue(cq.recent);
            }
        } else if (text.startsWith(QLatin1String("smooth"))) {
            m_method->setCurrentIndex(Smooth);
            if (const QString alpha = text.section(QLatin1String("alpha="), 1); !alpha.isEmpty())
                m_alpha->setValue(alpha.toDouble());
        } else if (const WeightCodes codes = parsePlan("weights=" + request.method).weights;
                   const auto* learnt = std::get_if<CalibratedWeights>(&codes)) {
            m_method->setCurrentIndex(learnt->method == CalibratedWeights::Method::Awq ? Awq : Gptq);
            setNumber(*m_bits, learnt->bits);
            setNumber(*m_group, learnt->group);
        }
    } catch (const PlanError&) {
        // Not ours to explain: the fields stay, and say what will be done.
    }
}

void CalibrationForm::setModel(std::shared_ptr<const LoadedModel> model) {
    m_model = std::move(model);
    showOutlook();
}

// Sets the refusal, too.
QString CalibrationForm::outlook(const TextBlocks& blocks, std::int64_t bytes) {
    if (const std::int64_t budget = m_budget(); budget > 0 && bytes > budget)
        m_refusal =
            tr("This would hold %1 beside the model, beyond the memory budget of %2: take fewer blocks.")
                .arg(QString::fromStdString(byteText(bytes)), QString::fromStdString(byteText(budget)));
    return tr("reads %1 blocks of %2 tokens; holds %3 beside the model (formula, its large parts)")
        .arg(blocks.blocks)
        .arg(blocks.length)
        .arg(QString::fromStdString(byteText(bytes)));
}

void CalibrationForm::showOutlook() {
    m_refusal.clear();
    QString place, facts;
    const CalibrationRequest asked = request();
    if (!m_model) {
        m_refusal = tr("No model is open: open one in the window.");
    } else if (asked.ofStore) {
        const LearntStore store = parseLearntStore(asked.method);
        const KvRowsOptions rows = rowsFor(store, asked.weighted);
        const TextBlocks blocks =
            blocksWithRoom(fittingBlocks(asked.blocks, m_model->spec), m_model->spec, rows);
        facts = outlook(blocks, blocks.blocks * blocks.length * predictKvRowBytes(m_model->spec, rows));
        if (const auto why = learntStoreRefusal(store, m_model->spec))
            m_refusal = QString::fromStdString(*why);
        place = QString::fromStdString(codebooksPath(m_model->path, store).filename().string());
    } else {
        WeightCalibration what{.method = AwqParams{}, .bits = numberOf(*m_bits), .group = numberOf(*m_group)};
        if (method() == Gptq)
            what.method = GptqParams{};
        if (method() == Smooth)
            what.method = SmoothParams{.alpha = m_alpha->value()};
        const TextBlocks blocks = fittingBlocks(asked.blocks, m_model->spec);
        facts = outlook(blocks, predictCalibrationBytes(m_model->spec, what, blocks.blocks * blocks.length));
        place = QString::fromStdString(
            calibratedFolder(m_model->path, calibrationName(what)).filename().string());
    }
    m_to->setPlaceholderText(place.isEmpty() ? tr("beside the model")
                                             : tr("beside the model: %1").arg(place));
    m_facts->setText(facts);
    Q_EMIT changed();
}

QString CalibrationForm::facts() const {
    return m_facts->text();
}

void CalibrationForm::choose(QLineEdit* into, bool save) {
    const QString path = !save ? QFileDialog::getOpenFileName(this, tr("A text to learn from"), {},
                                                              tr("Texts (*.txt);;All files (*)"))
                         : ofStore()
                             ? QFileDialog::getSaveFileName(this, tr("The file of codebooks"), {},
                                                            tr("Codebooks (*.safetensors)"))
                             : QFileDialog::getSaveFileName(this, tr("The calibrated model's folder"));
    if (!path.isEmpty())
        into->setText(path);
}

void CalibrationForm::setEditable(bool editable) {
    setEnabled(editable);
}

} // namespace fovea
