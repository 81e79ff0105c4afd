#include "views/panels/scored_keep_rows.h"

#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

#include "views/panels/flat_combo.h"
#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel_rows.h"
#include "views/theme.h"

namespace fovea {

// A number of a keep, how far it goes, and how it is changed.
struct ScoredKeepRows::Number {
    const char *key, *name, *tip;
    int (*get)(const Keep&);
    void (*set)(Keep&, int);
    int (*least)(const Keep&);
    int (*most)(const Keep&, int longest);
};

namespace {

H2oParams& h2o(Keep& keep) {
    return std::get<H2oParams>(keep);
}
const H2oParams& h2o(const Keep& keep) {
    return std::get<H2oParams>(keep);
}
ScissorhandsParams& scissors(Keep& keep) {
    return std::get<ScissorhandsParams>(keep);
}
const ScissorhandsParams& scissors(const Keep& keep) {
    return std::get<ScissorhandsParams>(keep);
}
SnapkvParams& snap(Keep& keep) {
    return std::get<SnapkvParams>(keep);
}
const SnapkvParams& snap(const Keep& keep) {
    return std::get<SnapkvParams>(keep);
}

constexpr int kDefaultShare = 10; // percent, each: the paper's 20 %

int mostOf(const TokenBudget& budget, int longest) {
    return budget.percent ? 100 : longest;
}

} // namespace

std::span<const ScoredKeepRows::Number> ScoredKeepRows::numbersOf(const Keep& keep) {
    static constexpr Number kH2o[] = {
        {"heavy", QT_TR_NOOP("heavy  most attended"),
         QT_TR_NOOP("The tokens that all queries so far gave most to, whatever their age."),
         [](const Keep& k) { return h2o(k).heavy.amount; }, [](Keep& k, int n) { h2o(k).heavy.amount = n; },
         [](const Keep& k) { return h2o(k).recent.amount > 0 ? 0 : 1; },
         [](const Keep& k, int longest) { return mostOf(h2o(k).heavy, longest); }},
        {"recent", QT_TR_NOOP("recent  newest tokens"), QT_TR_NOOP("The newest tokens, whatever they got."),
         [](const Keep& k) { return h2o(k).recent.amount; }, [](Keep& k, int n) { h2o(k).recent.amount = n; },
         [](const Keep& k) { return h2o(k).heavy.amount > 0 ? 0 : 1; },
         [](const Keep& k, int longest) { return mostOf(h2o(k).recent, longest); }},
    };
    static constexpr Number kScissors[] = {
        {"budget", QT_TR_NOOP("budget  tokens kept"), QT_TR_NOOP("More than these, and some are dropped."),
         [](const Keep& k) { return scissors(k).budget; },
         [](Keep& k, int n) {
             scissors(k).budget = n;
             if (scissors(k).drop)
                 scissors(k).drop = std::min(*scissors(k).drop, n - scissors(k).recent);
         },
         [](const Keep& k) { return scissors(k).recent + 1; },
         [](const Keep&, int longest) { return longest; }},
        {"history", QT_TR_NOOP("history  queries remembered"),
         QT_TR_NOOP("How many of the last queries are asked whether they gave a token less than its share."),
         [](const Keep& k) { return scissors(k).history; }, [](Keep& k, int n) { scissors(k).history = n; },
         [](const Keep&) { return 1; }, [](const Keep&, int) { return ScissorhandsParams::kLongestHistory; }},
        {"recent", QT_TR_NOOP("recent  newest tokens"), QT_TR_NOOP("The newest tokens are never dropped."),
         [](const Keep& k) { return scissors(k).recent; }, [](Keep& k, int n) { scissors(k).recent = n; },
         [](const Keep&) { return 0; },
         [](const Keep& k, int) { return scissors(k).budget - scissors(k).drop.value_or(1); }},
        {"drop", QT_TR_NOOP("drop  tokens at a time"),
         QT_TR_NOOP("How many leave when the budget is full; half of it in the paper."),
         [](const Keep& k) { return static_cast<int>(scissors(k).dropTokens()); },
         [](Keep& k, int n) { scissors(k).drop = n; }, [](const Keep&) { return 1; },
         [](const Keep& k, int) { return scissors(k).budget - scissors(k).recent; }},
    };
    static constexpr Number kSnap[] = {
        {"budget", QT_TR_NOOP("budget  of the prompt"),
         QT_TR_NOOP(
             "How many tokens of the prompt stay, its last queries' among them. All that follow stay."),
         [](const Keep& k) { return snap(k).budget; }, [](Keep& k, int n) { snap(k).budget = n; },
         [](const Keep& k) { return snap(k).window; }, [](const Keep&, int longest) { return longest; }},
        {"observers", QT_TR_NOOP("window  queries that vote"),
         QT_TR_NOOP("The prompt's last queries, which vote for the tokens that stay."),
         [](const Keep& k) { return snap(k).window; }, [](Keep& k, int n) { snap(k).window = n; },
         [](const Keep&) { return 1; },
         [](const Keep& k, int) { return std::min(snap(k).budget, SnapkvParams::kLongestWindow); }},
        {"pool", QT_TR_NOOP("pool  neighbours"),
         QT_TR_NOOP("Votes are averaged over so many neighbours, so that a run of tokens stays together."),
         [](const Keep& k) { return snap(k).pool; }, [](Keep& k, int n) { snap(k).pool = n / 2 * 2 + 1; },
         [](const Keep&) { return 1; }, [](const Keep&, int) { return 63; }},
    };
    if (std::holds_alternative<H2oParams>(keep))
        return kH2o;
    if (std::holds_alternative<ScissorhandsParams>(keep))
        return kScissors;
    if (std::holds_alternative<SnapkvParams>(keep))
        return kSnap;
    return {};
}

Keep startingScoredKeep(const Keep& like, int longest) {
    const int budget = std::clamp(longest / 8, 16, 512);
    if (std::holds_alternative<H2oParams>(like))
        return H2oParams{{budget / 2, false}, {budget / 2, false}};
    if (std::holds_alternative<ScissorhandsParams>(like))
        return ScissorhandsParams{.budget = budget,
                                  .recent = std::min(ScissorhandsParams{}.recent, budget / 4)};
    if (std::holds_alternative<SnapkvParams>(like))
        return SnapkvParams{.budget = budget, .window = std::min(SnapkvParams{}.window, budget / 4)};
    return like;
}

std::string_view scoredKeepCitation(const Keep& keep) {
    if (std::holds_alternative<H2oParams>(keep))
        return "Zhang 2023";
    if (std::holds_alternative<ScissorhandsParams>(keep))
        return "Liu 2023";
    return std::holds_alternative<SnapkvParams>(keep) ? "Li 2024" : "";
}

ScoredKeepRows::ScoredKeepRows(QWidget* parent) : QWidget(parent) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 4, 0, 0);
    column->setSpacing(1);
    m_unit = new FlatCombo;
    m_unit->setObjectName(QStringLiteral("unit"));
    m_unit->addItems({tr("tokens"), tr("% of the prompt")});
    m_unitRow = new QWidget;
    m_unitRow->setToolTip(tr("H2O as its authors' real drop: after every step each KV head keeps its own "
                             "heavy hitters and the newest. "
                             "A share is of the tokens before the plan acts."));
    auto* unit = rowOf(mutedLabel(tr("real drop per KV head, in")), m_unit);
    unit->setContentsMargins(0, 0, 0, 0);
    m_unitRow->setLayout(unit);
    column->addWidget(m_unitRow);
    for (Row& row : m_rows)
        row = addRow(column);
    m_feedback = new FlatCombo;
    m_feedback->setObjectName(QStringLiteral("feedback"));
    m_feedback->addItems({tr("what was read"), tr("the guess")});
    m_feedbackRow = new QWidget;
    m_feedbackRow->setToolTip(
        tr("What H2O or Scissorhands hears of SparQ: the weights of the tokens it read, scaled by "
           "α, and nothing of the others; or its approximate scores of all"));
    auto* hears = rowOf(mutedLabel(tr("hears")), m_feedback);
    hears->setContentsMargins(0, 0, 0, 0);
    m_feedbackRow->setLayout(hears);
    column->addWidget(m_feedbackRow);
    connect(m_feedback, &QComboBox::activated, this, [this](int index) {
        Q_EMIT feedbackEdited(index == 1);
        Q_EMIT editFinished();
    });
    connect(m_unit, &QComboBox::activated, this, [this](int index) {
        changeUnit(index == 1);
        Q_EMIT editFinished();
    });
}

ScoredKeepRows::Row ScoredKeepRows::addRow(QVBoxLayout* column) {
    Row row{new QWidget, new ParameterSlider(ParameterSlider::Scale::Logarithmic), mutedLabel({}),
            new QLabel};
    row.value->setFont(numberFont(11));
    row.value->setProperty("role", "muted");
    auto* inner = new QVBoxLayout(row.box);
    inner->setContentsMargins(0, 0, 0, 0);
    inner->setSpacing(1);
    inner->addLayout(rowOf(row.name, row.value));
    inner->addWidget(row.slider);
    column->addWidget(row.box);
    connect(row.slider, &ParameterSlider::numberEdited, this, [this, slider = row.slider](int n) {
        if (m_showing)
            return;
        for (const Number& number : numbersOf(m_keep))
            if (slider->objectName() == QLatin1String(number.key)) {
                number.set(m_keep, n);
                Q_EMIT edited(m_keep, QString::fromLatin1(number.key));
                return;
            }
    });
    connect(row.slider, &ParameterSlider::editFinished, this, &ScoredKeepRows::editFinished);
    return row;
}

void ScoredKeepRows::showKeep(const Keep& keep, int longest, std::int64_t prompt) {
    m_showing = true;
    m_keep = keep;
    m_longest = longest;
    m_prompt = prompt;
    const auto numbers = numbersOf(keep);
    setVisible(!numbers.empty());
    m_unitRow->setVisible(std::holds_alternative<H2oParams>(keep));
    if (const auto* params = std::get_if<H2oParams>(&keep))
        m_unit->setCurrentIndex(params->heavy.percent ? 1 : 0);
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        m_rows[i].box->setVisible(i < numbers.size());
        if (i < numbers.size())
            showNumber(m_rows[i], numbers[i]);
        else
            m_rows[i].slider->setObjectName({});
    }
    m_showing = false;
}

void ScoredKeepRows::showFeedback(std::optional<AttentionPlan::Feedback> feedback) {
    m_feedbackRow->setVisible(feedback.has_value());
    if (feedback)
        m_feedback->setCurrentIndex(static_cast<int>(*feedback));
}

void ScoredKeepRows::showNumber(const Row& row, const Number& number) {
    const int n = number.get(m_keep), least = number.least(m_keep);
    const auto key = QString::fromLatin1(number.key);
    row.slider->setObjectName(key);
    row.value->setObjectName(key + QStringLiteral(" value"));
    row.slider->setAccessibleName(tr(number.name));
    row.slider->setToolTip(tr(number.tip) + tr(" Double-click: default."));
    row.name->setText(tr(number.name));
    row.slider->setLimits(std::min(least, n), std::max({number.most(m_keep, m_longest), least, n}));
    const Keep byDefault = startingScoredKeep(m_keep, m_longest);
    const auto* shares = std::get_if<H2oParams>(&m_keep);
    const bool share = shares && (key == QLatin1String("heavy") ? shares->heavy : shares->recent).percent;
    row.slider->setDefault(std::max(share ? kDefaultShare : number.get(byDefault), least));
    row.slider->setNumber(n);
    row.value->setText(QString::number(n));
    if (const auto* params = std::get_if<H2oParams>(&m_keep))
        row.value->setText(budgetText(key == QLatin1String("heavy") ? params->heavy : params->recent));
    if (const auto* params = std::get_if<ScissorhandsParams>(&m_keep);
        params && key == QLatin1String("drop") && !params->drop)
        row.value->setText(tr("%1 · half").arg(n));
}

// A number and what it is of the prompt, or the other way about: "51 · 10 %", "10 % · 51".
QString ScoredKeepRows::budgetText(const TokenBudget& budget) const {
    if (m_prompt <= 0)
        return budget.percent ? tr("%1 %").arg(budget.amount) : QString::number(budget.amount);
    if (budget.percent)
        return tr("%1 % · %2").arg(budget.amount).arg(budget.tokens(m_prompt));
    return tr("%1 · %2 %")
        .arg(budget.amount)
        .arg(100. * budget.amount / static_cast<double>(m_prompt), 0, 'f', 1);
}

// Both numbers in the other unit, as near as whole ones come; at least one, where there was one.
void ScoredKeepRows::changeUnit(bool percent) {
    auto* params = std::get_if<H2oParams>(&m_keep);
    if (!params)
        return;
    const double prompt = static_cast<double>(m_prompt > 0 ? m_prompt : m_longest);
    for (TokenBudget* budget : {&params->heavy, &params->recent}) {
        if (budget->percent == percent)
            continue;
        const double amount = percent ? 100. * budget->amount / prompt : budget->amount * prompt / 100.;
        const double most = percent ? 100 : m_longest;
        *budget = {static_cast<int>(std::clamp(std::round(amount), budget->amount > 0 ? 1. : 0., most)),
                   percent};
    }
    Q_EMIT edited(m_keep, QStringLiteral("unit"));
}

} // namespace fovea
