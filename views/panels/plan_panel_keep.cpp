// The KEEP strip of a PlanPanel: which method evicts, its sinks and window, and where RoPE puts what is left.
#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>
#include <optional>
#include <string>

#include "core/methods/keep/scored_keep.h"
#include "core/plan/plan_prefill.h"
#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"
#include "views/panels/scored_keep_rows.h"

namespace fovea {
namespace {

enum Method { All, Streaming, LmInfinite, Moa, H2o, Scissorhands, Snapkv }; // as Keep has them
constexpr int kMostSinks = 256; // on the slider; a plan's text may have more

} // namespace

void forgetIdle(AttentionPlan& plan) {
    if (!hearsReads(plan) || !std::holds_alternative<SparqParams>(plan.read))
        plan.feedback = AttentionPlan::Feedback::Exact;
    if (plan.prefill == AttentionPlan::Prefill::Masked && !canMaskPrefill(plan.keep))
        plan.prefill.reset();
    if (plan.prefill == AttentionPlan::Prefill::Quantised && !storesCodes(plan.store))
        plan.prefill.reset();
    forgetPaperPrefill(plan);
}

void PlanPanel::buildKeep(QVBoxLayout* column) {
    auto& rows = *m_rows;
    rows.keep = new FlatCombo;
    rows.keep->addItems(
        {tr("all"), tr("StreamingLLM"), tr("LM-Infinite"), tr("MoA spans"), tr("H2O"), tr("Scissorhands"), tr("SnapKV")});
    rows.keepPaper = mutedLabel({});
    auto* section =
        addSection(column, tr("KEEP — which tokens stay"), rows.keep,
                   tr("All: every token. StreamingLLM: the first ones and the newest ones. "
                      "LM-Infinite: the same, and no distance beyond the window. MoA: the same, each head with a window of its own that grows with the "
                      "text. H2O: the most attended "
                      "and the newest. Scissorhands: not those that were long below average. SnapKV: "
                      "what a prompt's last queries look at."),
                   rows.keepPaper);
    rows.kept = new QWidget;
    auto* inner = new QVBoxLayout(rows.kept);
    inner->setContentsMargins(0, 4, 0, 0);
    inner->setSpacing(1);
    rows.sinks =
        addSlider(inner, tr("sinks"), ParameterSlider::Scale::Logarithmic, rows.sinksValue,
                  tr("The first tokens of the text, which never leave. Double-click: default."));
    rows.windowRow = new QWidget;
    auto* newest = new QVBoxLayout(rows.windowRow);
    newest->setContentsMargins(0, 0, 0, 0);
    newest->setSpacing(1);
    rows.window =
        addSlider(newest, tr("window"), ParameterSlider::Scale::Logarithmic, rows.windowValue,
                  tr("The newest tokens. What lies between sinks and window leaves the cache. "
                     "Double-click: default."));
    inner->addWidget(rows.windowRow);
    buildMoa(inner);
    rows.positions = new FlatCombo;
    rows.positions->addItems({tr("of the text"), tr("in the cache")});
    rows.positionsRow = new QWidget;
    rows.positionsRow->setToolTip(
        tr("What RoPE takes for a token's position: its own, or its rank among those that "
           "are left (the authors' code), so that no distance is longer than the cache"));
    auto* row = rowOf(mutedLabel(tr("positions")), rows.positions);
    row->setContentsMargins(0, 0, 0, 0);
    rows.positionsRow->setLayout(row);
    inner->addWidget(rows.positionsRow);
    rows.prefill = new FlatCombo;
    rows.prefill->addItems({QString(), QString()}); // which of them is the paper's own depends on the keep
    auto* prefillTip = new QWidget;
    prefillTip->setToolTip(tr(
        "Dense: a prompt's queries see everything before them, and what the keep drops leaves as the plan "
        "begins to act. "
        "Masked: they see what the keep lets them see, and what none will see again leaves while the prompt "
        "is read. "
        "MoA and LM-Infinite mask; StreamingLLM's demo reads densely; H2O, Scissorhands and SnapKV need the "
        "prompt's own attention to score by."));
    auto* prompt = rowOf(mutedLabel(tr("prompt is read")), rows.prefill);
    prompt->setContentsMargins(0, 0, 0, 0);
    prefillTip->setLayout(prompt);
    inner->addWidget(prefillTip);
    section->addWidget(rows.kept);
    rows.scored = new ScoredKeepRows;
    section->addWidget(rows.scored);
}

// What choosing a method starts from: the last values, or the authors' sinks and a window that evicts in a
// text as long as this model's context.
Keep PlanPanel::startingKeep(int index) const {
    const int window = std::clamp(longest() / 8, 16, StreamingParams{}.window);
    if (index == Streaming)
        return m_lastStreaming.value_or(StreamingParams{.window = window});
    if (index == LmInfinite)
        return m_lastInfinite.value_or(LmInfiniteParams{.window = window});
    if (index == Moa) {
        MoaParams moa = m_lastMoa.value_or(startingMoa());
        if (moa.spans && (moa.spans->layers != m_spec.layers || moa.spans->heads != m_spec.queryHeads))
            moa.spans.reset(); // of another model
        return moa;
    }
    if (const auto last = m_lastScored.find(static_cast<std::size_t>(index)); last != m_lastScored.end())
        return last->second;
    const Keep methods[] = {KeepAll{}, H2oParams{}, ScissorhandsParams{}, SnapkvParams{}};
    return startingScoredKeep(methods[index < H2o ? 0 : index - H2o + 1], longest());
}

void PlanPanel::showKeep() {
    auto& rows = *m_rows;
    const auto* streaming = std::get_if<StreamingParams>(&m_plan.keep);
    const auto* infinite = std::get_if<LmInfiniteParams>(&m_plan.keep);
    if (streaming)
        m_lastStreaming = *streaming;
    if (infinite)
        m_lastInfinite = *infinite;
    const auto* moa = std::get_if<MoaParams>(&m_plan.keep);
    if (moa)
        m_lastMoa = *moa;
    rows.keep->setCurrentIndex(static_cast<int>(m_plan.keep.index()));
    const auto scored = scoredKeepCitation(m_plan.keep);
    rows.keepPaper->setText(streaming ? tr("Xiao 2023")
                            : infinite ? tr("Han 2023")
                            : moa
                                ? tr("Fu 2024")
                                : QString::fromLatin1(scored.data(), static_cast<qsizetype>(scored.size())));
    if (!scored.empty())
        m_lastScored[m_plan.keep.index()] = m_plan.keep;
    rows.scored->showKeep(m_plan.keep, longest(), m_prompt);
    const bool guesses = hearsReads(m_plan) && std::holds_alternative<SparqParams>(m_plan.read);
    rows.scored->showFeedback(guesses ? std::optional(m_plan.feedback) : std::nullopt);
    rows.kept->setVisible(streaming || infinite || moa);
    const bool masks = paperPrefill(m_plan) == AttentionPlan::Prefill::Masked;
    rows.prefill->setItemText(0, masks ? tr("densely") : tr("densely, the paper's"));
    rows.prefill->setItemText(1, masks ? tr("masked, the paper's") : tr("masked"));
    rows.prefill->setCurrentIndex(masksPrefill(m_plan) ? 1 : 0);
    rows.positionsRow->setVisible(streaming);
    rows.windowRow->setVisible(streaming || infinite);
    rows.moa->setVisible(moa);
    if (moa) {
        rows.sinks->setLimits(0, std::max(std::min(longest(), kMostSinks), moa->sinks));
        rows.sinks->setDefault(startingMoa().sinks);
        rows.sinks->setNumber(moa->sinks);
        rows.sinksValue->setText(QString::number(moa->sinks));
        showMoa(*moa);
    }
    if (!streaming && !infinite)
        return;
    const int sinks = streaming ? streaming->sinks : infinite->sinks;
    const int window = streaming ? streaming->window : infinite->window;
    rows.sinks->setLimits(streaming && window == 0 ? 1 : 0, std::max(std::min(longest(), kMostSinks), sinks));
    rows.sinks->setDefault(streaming ? StreamingParams{}.sinks : LmInfiniteParams{}.sinks);
    rows.sinks->setNumber(sinks);
    rows.sinksValue->setText(QString::number(sinks));
    rows.window->setLimits(streaming && sinks > 0 ? 0 : 1, std::max(longest(), window));
    rows.window->setDefault(std::clamp(longest() / 8, 16, StreamingParams{}.window));
    rows.window->setNumber(window);
    const auto seen = keepRule(m_plan, 0, true).seen(std::max<std::int64_t>(m_tokens, 1) - 1);
    rows.windowValue->setText(m_tokens > 0 && seen < m_tokens
                                  ? tr("%1 · sees %2 of %3").arg(window).arg(seen).arg(m_tokens)
                                  : QString::number(window));
    rows.positions->setCurrentIndex(streaming && streaming->positions == StreamingParams::Positions::Cache);
}

// What this model or the other slots rule out is greyed out where one would choose it.
void PlanPanel::offerWhatFits() {
    auto& rows = *m_rows;
    const auto whyNot = [this](auto change) -> std::optional<std::string> {
        auto plan = m_plan;
        change(plan);
        forgetIdle(plan);
        return m_spec.headDim > 0 ? refusal(plan, m_spec) : std::nullopt;
    };
    for (const int method : {Streaming, LmInfinite, Moa, H2o, Scissorhands, Snapkv})
        offer(rows.keep, method, whyNot([&](AttentionPlan& plan) { plan.keep = startingKeep(method); }));
    offer(rows.positions, 1, whyNot([](AttentionPlan& plan) {
              if (auto* streaming = std::get_if<StreamingParams>(&plan.keep))
                  streaming->positions = StreamingParams::Positions::Cache;
          }));
    for (int method = 1; method < rows.read->count(); ++method)
        offer(rows.read, method, whyNot([&](AttentionPlan& plan) { plan.read = startingRead(method); }));
}

void PlanPanel::connectKeep() {
    auto& rows = *m_rows;
    const auto number = [this](const QString& what, int StreamingParams::*ofStreaming,
                               int LmInfiniteParams::*ofInfinite, int MoaParams::*ofMoa) {
        return [this, what, ofStreaming, ofInfinite, ofMoa](int n) {
            auto plan = m_plan;
            if (m_showing)
                return;
            if (auto* streaming = std::get_if<StreamingParams>(&plan.keep))
                streaming->*ofStreaming = n;
            else if (auto* infinite = std::get_if<LmInfiniteParams>(&plan.keep))
                infinite->*ofInfinite = n;
            else if (auto* moa = std::get_if<MoaParams>(&plan.keep); moa && ofMoa)
                moa->*ofMoa = n;
            edit(plan, what);
        };
    };
    connect(rows.sinks, &ParameterSlider::numberEdited, this,
            number(QStringLiteral("sinks"), &StreamingParams::sinks, &LmInfiniteParams::sinks,
                   &MoaParams::sinks));
    connect(rows.window, &ParameterSlider::numberEdited, this,
            number(QStringLiteral("window"), &StreamingParams::window, &LmInfiniteParams::window,
                   nullptr));
    connectMoa();
    const auto whole = [this](FlatCombo* box, auto edited) {
        connect(box, &QComboBox::activated, this, [this, edited](int index) {
            edited(index);
            if (!m_showing)
                Q_EMIT editFinished();
        });
    };
    whole(rows.keep, [this](int index) {
        auto plan = m_plan;
        plan.keep = startingKeep(index);
        edit(plan, QStringLiteral("keep"));
    });
    connect(rows.scored, &ScoredKeepRows::edited, this, [this](const Keep& keep, const QString& what) {
        auto plan = m_plan;
        plan.keep = keep;
        edit(plan, what);
    });
    connect(rows.scored, &ScoredKeepRows::feedbackEdited, this, [this](bool estimate) {
        auto plan = m_plan;
        plan.feedback = estimate ? AttentionPlan::Feedback::Estimate : AttentionPlan::Feedback::Exact;
        edit(plan, QStringLiteral("feedback"));
    });
    connect(rows.scored, &ScoredKeepRows::editFinished, this, &PlanPanel::editFinished);
    whole(rows.positions, [this](int index) {
        auto plan = m_plan;
        if (auto* streaming = std::get_if<StreamingParams>(&plan.keep))
            streaming->positions =
                index ? StreamingParams::Positions::Cache : StreamingParams::Positions::Original;
        edit(plan, QStringLiteral("positions"));
    });
    whole(rows.prefill, [this](int index) {
        auto plan = m_plan;
        plan.prefill = index ? AttentionPlan::Prefill::Masked : unmaskedPrefill(plan.store);
        edit(plan, QStringLiteral("prefill"));
    });
}

} // namespace fovea
