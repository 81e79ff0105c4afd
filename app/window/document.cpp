#include "app/window/document.h"

#include <algorithm>
#include <utility>

#include "app/window/commands/plan_edit.h"
#include "app/window/commands/prompt_edit.h"
#include "app/window/commands/settings_edit.h"
#include "app/window/loaded_model.h"
#include "core/engine/device/gpu_refusal.h"
#include "core/tokenizer/chat_template.h"

namespace fovea {

bool RunSettings::operator==(const RunSettings& other) const {
    return device == other.device && tokens == other.tokens && decodeFrom == other.decodeFrom && ignoreEnd == other.ignoreEnd &&
           sampler.temperature == other.sampler.temperature && sampler.topK == other.sampler.topK &&
           sampler.topP == other.sampler.topP && sampler.seed == other.sampler.seed;
}

AttentionPlan startingPlan(const ModelSpec& spec) {
    SparqParams sparq;
    sparq.components = std::max(1, spec.headDim / 4);
    sparq.tokens = spec.headDim >= 64 ? 128 : spec.headDim >= 16 ? 64 : 32;
    AttentionPlan plan;
    plan.read = sparq;
    return refusal(plan, spec) ? AttentionPlan{} : plan;
}

Document::Document(QObject* parent) : QObject(parent) {}

std::int64_t Document::decodeFrom() const {
    const auto prompt = static_cast<std::int64_t>(m_prompt.tokens.size());
    return m_settings.decodeFrom < 0 ? prompt : std::min(m_settings.decodeFrom, prompt);
}

std::int64_t Document::longestPrompt() const {
    return m_model ? std::max<std::int64_t>(m_model->spec.context - m_settings.tokens, 0) : 0;
}

QString Document::editPlan(Side side, const AttentionPlan& plan, const QString& what) {
    if (plan == this->plan(side))
        return {};
    if (const QString why = refused(plan, m_settings.device); !why.isEmpty())
        return why;
    m_undo.push(new PlanEdit(*this, side, plan, what, m_gesture));
    return {};
}

// Why the model does not run under a plan on a device; empty: it does, or there is none yet.
QString Document::refused(const AttentionPlan& plan, Backend device) const {
    if (!m_model)
        return {};
    auto why = refusal(plan, m_model->spec);
    if (!why && device == Backend::Cuda)
        why = gpuRefusal(plan, *m_model->model);
    return QString::fromStdString(why.value_or(std::string()));
}

void Document::nameSpans(Side side, const std::string& file) {
    auto* moa = std::get_if<MoaParams>(&(side == Side::A ? m_planA : m_planB).keep);
    if (!moa || !moa->spans)
        return;
    moa->file = file;
    Q_EMIT spansNamed(side);
}

QString Document::editPlanText(Side side, const QString& text) {
    try {
        endGesture();
        return editPlan(side, parsePlan(text.trimmed().toStdString()), tr("plan"));
    } catch (const PlanError& error) {
        return QString::fromUtf8(error.what());
    }
}

QString Document::editPrompt(const std::string& text) {
    return editPrompt(m_model ? encodePrompt(*m_model, text, m_prompt.chat) : Prompt{.text = text});
}

QString Document::editPrompt(const Prompt& prompt) {
    if (prompt == m_prompt)
        return {};
    if (m_model && std::ssize(prompt.tokens) > longestPrompt())
        return tr("The prompt has %1 tokens; %2 fit beside the %3 to generate (context %4).")
            .arg(prompt.tokens.size())
            .arg(longestPrompt())
            .arg(m_settings.tokens)
            .arg(m_model->spec.context);
    m_undo.push(new PromptEdit(*this, prompt));
    return {};
}

QString Document::editSettings(const RunSettings& settings, const QString& what) {
    if (settings == m_settings)
        return {};
    if (m_model && settings.tokens + static_cast<std::int64_t>(m_prompt.tokens.size()) > m_model->spec.context)
        return tr("%1 tokens after a prompt of %2 exceed the model's context of %3.")
            .arg(settings.tokens)
            .arg(m_prompt.tokens.size())
            .arg(m_model->spec.context);
    for (const Side side : {Side::A, Side::B})
        if (const QString why = refused(plan(side), settings.device); settings.device != m_settings.device && !why.isEmpty())
            return why;
    m_undo.push(new SettingsEdit(*this, settings, what, m_gesture));
    return {};
}

void Document::start(const std::string& prompt, std::optional<AttentionPlan> planA,
                     std::optional<AttentionPlan> planB, const SamplerOptions& sampler) {
    m_settings.sampler = sampler;
    m_prompt.text = prompt;
    m_planA = planA.value_or(AttentionPlan{});
    m_planB = planB.value_or(AttentionPlan{});
    m_planBGiven = planB.has_value();
}

void Document::open(std::shared_ptr<const LoadedModel> model) {
    m_model = std::move(model);
    // Steps back would lead to plans and prompts of another model.
    m_undo.clear();
    if (refusal(m_planA, m_model->spec))
        m_planA = {};
    if (!std::exchange(m_planBGiven, true) || refusal(m_planB, m_model->spec))
        m_planB = startingPlan(m_model->spec);
    m_settings.tokens =
        std::clamp<std::int64_t>(m_settings.tokens, 1, std::max(1, m_model->spec.context / 2));
    // A prompt too long for this model is cut: opening must not fail over it.
    const bool chat = m_prompt.chat && m_model->chat && m_model->chat->known();
    m_prompt = fitPrompt(*m_model, m_prompt.text, chat, longestPrompt(), false).prompt;
    m_settings.decodeFrom = -1;
    m_selection = {};
    ++m_version;
    Q_EMIT modelChanged();
    Q_EMIT promptChanged();
    Q_EMIT settingsChanged();
    Q_EMIT planChanged(Side::A);
    Q_EMIT planChanged(Side::B);
    Q_EMIT selectionChanged();
}

void Document::select(const Selection& selection) {
    Selection s = selection;
    if (m_model) {
        s.layer = std::clamp(s.layer, 0, m_model->spec.layers - 1);
        s.head = std::clamp(s.head, 0, m_model->spec.queryHeads - 1);
    }
    if (s == m_selection)
        return;
    m_selection = s;
    ++m_version;
    Q_EMIT selectionChanged();
}

void Document::setPlan(Side side, const AttentionPlan& plan) {
    (side == Side::A ? m_planA : m_planB) = plan;
    ++m_version;
    Q_EMIT planChanged(side);
}

void Document::setPrompt(const Prompt& prompt) {
    m_prompt = prompt;
    ++m_version;
    Q_EMIT promptChanged();
}

void Document::setSettings(const RunSettings& settings) {
    m_settings = settings;
    ++m_version;
    Q_EMIT settingsChanged();
}

} // namespace fovea
