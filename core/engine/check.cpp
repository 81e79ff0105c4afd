#include "core/engine/check.h"

#include <algorithm>
#include <cmath>

#include "core/engine/attention_tap.h"
#include "core/engine/cache_layout.h"
#include "core/model/model.h"
#include "core/plan/store_text.h"

namespace fovea {

namespace {

// What the first backend took and gave in one step.
struct SeenLayer {
    std::vector<float> q, k, v, output;
};

class Recorder final : public AttentionTap {
public:
    explicit Recorder(const ModelSpec& spec)
        : m_query(static_cast<std::size_t>(spec.queryHeads * spec.headDim)),
          m_key(static_cast<std::size_t>(spec.kvHeads * spec.headDim)),
          m_layers(static_cast<std::size_t>(spec.layers)) {}

    void enter(int layer, float* q, float* k, float* v) override {
        SeenLayer& seen = m_layers[static_cast<std::size_t>(layer)];
        seen.q.assign(q, q + m_query);
        seen.k.assign(k, k + (k ? m_key : 0));
        seen.v.assign(v, v + (v ? m_key : 0));
    }
    void leave(int layer, float* output) override {
        m_layers[static_cast<std::size_t>(layer)].output.assign(output, output + m_query);
    }
    const SeenLayer& layer(int layer) const { return m_layers[static_cast<std::size_t>(layer)]; }

private:
    std::size_t m_query, m_key; // floats of all heads
    std::vector<SeenLayer> m_layers;
};

class Comparer final : public AttentionTap {
public:
    Comparer(const ModelSpec& spec, const Recorder& first, CheckReport& report, AttentionTap* planted)
        : m_width(static_cast<std::size_t>(spec.headDim)), m_first(first), m_report(report),
          m_planted(planted) {}

    void enter(int layer, float* q, float* k, float* v) override {
        if (m_planted)
            m_planted->enter(layer, q, k, v);
        const SeenLayer& seen = m_first.layer(layer);
        adopt(CheckedPart::Queries, layer, seen.q, q);
        adopt(CheckedPart::Keys, layer, seen.k, k);
        adopt(CheckedPart::Values, layer, seen.v, v);
    }
    void leave(int layer, float* output) override {
        if (m_planted)
            m_planted->leave(layer, output);
        const std::vector<float>& seen = m_first.layer(layer).output;
        for (std::size_t head = 0; head * m_width < seen.size(); ++head) {
            const Deviation d = compare(CheckedPart::Attention, layer, static_cast<int>(head), seen, output);
            const std::size_t heads = seen.size() / m_width;
            keepLarger(m_report.heads[static_cast<std::size_t>(layer) * heads + head], d);
            keepLarger(m_report.steps.back().layers[static_cast<std::size_t>(layer)], d);
        }
    }

private:
    void adopt(CheckedPart part, int layer, const std::vector<float>& seen, float* own) {
        if (seen.empty() || !own)
            return;
        for (std::size_t head = 0; head * m_width < seen.size(); ++head)
            compare(part, layer, static_cast<int>(head), seen, own);
        std::copy(seen.begin(), seen.end(), own);
    }

    Deviation compare(CheckedPart part, int layer, int head, const std::vector<float>& seen,
                      const float* own) {
        const std::size_t from = static_cast<std::size_t>(head) * m_width;
        Deviation d = deviationOf(std::span(seen).subspan(from, m_width), {own + from, m_width});
        d.part = part;
        d.step = static_cast<int>(m_report.steps.size()) - 1;
        d.layer = layer;
        d.head = head;
        note(m_report, d);
        return d;
    }

public:
    static void note(CheckReport& report, const Deviation& d) {
        keepLarger(report.parts[static_cast<std::size_t>(d.part)], d);
        keepLarger(report.largest, d);
        if (!report.firstBeyond && d.relative > report.tolerance)
            report.firstBeyond = d;
    }

private:
    std::size_t m_width; // d
    const Recorder& m_first;
    CheckReport& m_report;
    AttentionTap* m_planted;
};

int best(std::span<const float> logits) {
    return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

CheckReport begin(const Model& model, const AttentionPlan& plan, std::span<const int> prompt,
                  const CheckOptions& options) {
    if (options.backends[0] == options.backends[1])
        throw std::invalid_argument("A backend held against itself shows nothing: name two.");
    const ElementType store = cacheLayoutFor(plan, model.spec, 1).type;
    CheckReport report;
    report.model = model.spec.name;
    for (int i : {0, 1})
        report.backends[i] = backendName(options.backends[i]);
    report.plan = plan;
    report.store = storeName(plan.store, model.spec.type);
    report.tolerance = options.tolerance > 0 ? options.tolerance : checkTolerance(store);
    report.promptTokens = std::ssize(prompt);
    report.decodeFrom = options.decodeFrom < 0 ? report.promptTokens : options.decodeFrom;
    report.queryHeads = model.spec.queryHeads;
    report.kvHeads = model.spec.kvHeads;
    report.heads.resize(static_cast<std::size_t>(model.spec.layers * model.spec.queryHeads));
    report.parts.resize(kCheckedParts);
    return report;
}

Session sessionOf(const std::shared_ptr<const Model>& model, const CheckReport& report,
                  const CheckOptions& options, int side, AttentionTap& tap) {
    return Session(
        model, report.plan,
        {.backend = options.backends[side], .capacity = report.promptTokens + options.tokens, .tap = &tap});
}

// False when it was stopped.
bool checkPromptInto(CheckReport& report, const std::shared_ptr<const Model>& model,
                     std::span<const int> prompt, const CheckOptions& options, const CheckObserver& observer,
                     const std::atomic<bool>& cancel) {
    const auto progress = [&](const PromptCheck& soFar) {
        report.prompt = soFar;
        return !observer || observer(report);
    };
    report.prompt =
        checkPrompt(model, report.plan, prompt, options.backends[0], options.tolerance, progress, cancel);
    return report.prompt->done;
}

} // namespace

// Both backends sum in fp32 and read the same rows, so they differ by the order of summation alone: 1.3e-6 at most on
// the bundled model in every store. The room above it is for heads whose values cancel, and for backends that
// multiply in the store's own type.
double checkTolerance(ElementType store) {
    switch (store) {
    case ElementType::F16:
        return 2e-4;
    case ElementType::BF16:
        return 5e-4;
    case ElementType::F32:
        break;
    }
    return 1e-4;
}

bool CheckReport::sameBytes() const {
    return std::all_of(steps.begin(), steps.end(), [](const CheckStep& step) { return step.sameBytes; });
}

CheckReport checkBackends(std::shared_ptr<const Model> model, const AttentionPlan& plan,
                          std::span<const int> prompt, const CheckOptions& options,
                          const CheckObserver& observer, const std::atomic<bool>& cancel) {
    if (prompt.empty())
        throw EngineError("The prompt has no token: it needs one to start from, BOS at least.");
    CheckReport report = begin(*model, plan, prompt, options);
    if (options.prompt && !checkPromptInto(report, model, prompt, options, observer, cancel))
        return report;
    Recorder recorder(model->spec);
    Comparer comparer(model->spec, recorder, report, options.onSecond);
    Session first = sessionOf(model, report, options, 0, recorder);
    Session second = sessionOf(model, report, options, 1, comparer);
    const auto before = prompt.first(prompt.size() - 1);
    if (!first.prefill(before, cancel) || !second.prefill(before, cancel))
        return report;
    int next = prompt.back();
    for (std::int64_t i = 0; i < options.tokens && !cancel; ++i) {
        CheckStep& step = report.steps.emplace_back();
        step.position = first.tokens();
        step.fed = next;
        step.layers.resize(static_cast<std::size_t>(model->spec.layers));
        const bool planned = step.position >= report.decodeFrom;
        const StepRecord a = first.step(next, planned), b = second.step(next, planned);
        step.sameBytes = a.counted == b.counted && a.held.counted == b.held.counted;
        step.logits = deviationOf(first.logits(), second.logits());
        step.logits.part = CheckedPart::Logits;
        step.logits.step = static_cast<int>(i);
        Comparer::note(report, step.logits);
        step.chosen[0] = next = best(first.logits());
        step.chosen[1] = best(second.logits());
        report.agreeing += step.chosen[0] == step.chosen[1];
        if (observer && !observer(report))
            break;
    }
    if (!options.ways || cancel)
        return report;
    std::vector<int> fed;
    for (const CheckStep& step : report.steps)
        fed.push_back(step.fed);
    report.ways = timeWays(model, plan, prompt, fed, report.decodeFrom, cancel);
    return report;
}

} // namespace fovea
