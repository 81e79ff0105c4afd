#include "app/window/paper_facts.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <vector>

#include "app/window/run_job.h"
#include "core/plan/papers.h"
#include "core/plan/plan_prefill.h"
#include "core/plan/share_text.h"

namespace fovea {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::PaperFacts", text);
}

QString text(std::string_view utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

const StepRecord* stepOf(const std::shared_ptr<const Run>& run, std::int64_t position) {
    if (!run || run->steps.empty())
        return nullptr;
    const std::int64_t i = position - run->steps.front().position;
    return i >= 0 && i < static_cast<std::int64_t>(run->steps.size())
               ? &run->steps[static_cast<std::size_t>(i)]
               : nullptr;
}

// Median seconds inside attention over the steps where the plan acted; single steps are too short to trust.
double medianAttention(const Run& run) {
    std::vector<double> seconds;
    for (const StepRecord& step : run.steps)
        if (step.position >= run.decodeFrom)
            seconds.push_back(step.attentionSeconds);
    if (seconds.empty())
        return 0;
    const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
    std::nth_element(seconds.begin(), middle, seconds.end());
    return *middle;
}

// "Luka Ribar, Ivan …" -> "Ribar et al., 2023"
QString citation(const Paper& paper) {
    const QString first = text(paper.authors).section(QLatin1Char(','), 0, 0).trimmed();
    const QString surname = first.section(QLatin1Char(' '), -1);
    const bool several = paper.authors.find(',') != std::string_view::npos;
    return QStringLiteral("%1%2, %3").arg(surname, several ? tr(" et al.") : QString()).arg(paper.year);
}

// The paper of the slot that does the most: what is read of what stays, else what stays, else who owns it, else in what
// form rows or weights are.
std::string_view paperKey(const AttentionPlan& plan) {
    if (std::holds_alternative<SparqParams>(plan.read))
        return "sparq";
    if (std::holds_alternative<TopvParams>(plan.read))
        return "flexgen";
    if (std::holds_alternative<QuestParams>(plan.read))
        return "quest";
    if (std::holds_alternative<StreamingParams>(plan.keep))
        return "streaming";
    if (std::holds_alternative<H2oParams>(plan.keep))
        return "h2o";
    if (std::holds_alternative<ScissorhandsParams>(plan.keep))
        return "scissorhands";
    if (std::holds_alternative<SnapkvParams>(plan.keep))
        return "snapkv";
    if (std::holds_alternative<MoaParams>(plan.keep))
        return "moa";
    if (std::holds_alternative<LmInfiniteParams>(plan.keep))
        return "lm-infinite";
    if (!std::holds_alternative<OwnKv>(plan.share))
        return "cla";
    if (const auto* learnt = std::get_if<CalibratedWeights>(&plan.weights))
        return learnt->method == CalibratedWeights::Method::Awq ? "awq" : "gptq";
    if (std::holds_alternative<SmoothActs>(plan.acts))
        return "smoothquant";
    if (std::holds_alternative<KiviParams>(plan.store))
        return "kivi";
    if (std::holds_alternative<KvquantParams>(plan.store))
        return "kvquant";
    if (std::holds_alternative<CqParams>(plan.store))
        return "cq";
    const bool rounded = !std::holds_alternative<OwnActs>(plan.acts) || storesCodes(plan.store) ||
                         !std::holds_alternative<OwnWeights>(plan.weights);
    return rounded ? "qllm-eval" : "attention";
}

// "Paper: … Here: …" of attention's time and bytes, or nothing where nothing was timed.
QString speedNote(const RunPair& runs, const StepRecord& a, const StepRecord& b, std::int64_t query) {
    const double slow = medianAttention(*runs.a), fast = medianAttention(*runs.b);
    if (!(slow > 0 && fast > 0) || b.counted.attention() == 0)
        return {};
    return tr("Paper: 3.02× faster of 6.4× fewer bytes (A100, S = 4096, r = 32, k = 128). "
              "Here: %1× of %2× (attention, S = %3).")
        .arg(slow / fast, 0, 'f', 2)
        .arg(static_cast<double>(a.counted.attention()) / static_cast<double>(b.counted.attention()), 0, 'f',
             2)
        .arg(query + 1);
}

QString heldNote(const StepRecord& a, const StepRecord& b) {
    const auto held = static_cast<double>(a.held.counted.attention());
    if (held <= 0 || a.liveSlots == 0)
        return {};
    return tr("Held after this step: %1 of %2 slots, %3 % of A's bytes.")
        .arg(b.liveSlots)
        .arg(a.liveSlots)
        .arg(100. * static_cast<double>(b.held.counted.attention()) / held, 0, 'f', 1);
}

QString weightsNote(const StepRecord& a, const StepRecord& b) {
    const auto kilobytes = [](std::int64_t bytes) {
        return QString::number(static_cast<double>(bytes) / 1000, 'f', 1);
    };
    const std::int64_t before = a.counted[Component::Weights], now = b.counted[Component::Weights];
    if (before <= 0)
        return {};
    return tr("Weights this step reads: %1 kB by formula, %2 kB counted, %3 % of A's.")
        .arg(kilobytes(b.formula[Component::Weights]), kilobytes(now))
        .arg(100. * static_cast<double>(now) / static_cast<double>(before), 0, 'f', 1);
}

// How a prompt is read, where that can be chosen, and whose way it is.
QString promptNote(const AttentionPlan& plan) {
    if (!canMaskPrefill(plan.keep))
        return {};
    const bool masked = masksPrefill(plan);
    if (std::holds_alternative<StreamingParams>(plan.keep)) // whose authors do both
        return masked ? tr("The prompt is masked by the keep, as in the authors' perplexity script.")
                      : tr("The prompt is read densely, as in the authors' demo.");
    return masked ? tr("The prompt is masked by the keep, as the authors do.")
                  : tr("The prompt is read densely, other than the authors do.");
}

void add(QString& note, const QString& sentence) {
    if (!sentence.isEmpty())
        note += (note.isEmpty() ? QString() : QStringLiteral(" ")) + sentence;
}

} // namespace

PaperFacts paperFacts(const AttentionPlan& plan, const RunPair& runs, std::int64_t query) {
    const std::string_view key = paperKey(plan);
    const Paper* paper = findPaper(key);
    PaperFacts facts;
    if (!paper)
        return facts;
    const QString title = text(paper->title);
    facts.title = title.section(QLatin1Char(':'), 0, 0);
    facts.authors = citation(*paper);
    facts.reference = tr("arXiv %1").arg(text(paper->arxiv));
    facts.published = text(paper->publishedMoved.empty() ? paper->publishedHeld : paper->publishedMoved);
    const bool ofKeep = std::holds_alternative<ReadAll>(plan.read); // the card is the keep's
    facts.note = ofKeep ? promptNote(plan) : QString();

    const StepRecord* a = stepOf(runs.a, query);
    const StepRecord* b = stepOf(runs.b, query);
    // Only a step made under this very plan may be called this plan's.
    if (!b || !(runs.b->plan == plan))
        return facts;
    const auto kilobytes = [](const Traffic& t) {
        return QString::number(static_cast<double>(t.attention()) / 1000, 'f', 1);
    };
    facts.moves = tr("%1 kB by formula, %2 kB counted: the step at %3, all layers")
                      .arg(kilobytes(b->formula), kilobytes(b->counted))
                      .arg(query);
    if (a && key == "sparq")
        add(facts.note, speedNote(runs, *a, *b, query));
    else if (a && ((key == "qllm-eval" && !storesCodes(plan.store)) || key == "awq" || key == "gptq" ||
                   key == "smoothquant"))
        add(facts.note, weightsNote(*a, *b));
    else if (a && key != "attention")
        add(facts.note, heldNote(*a, *b));
    if (conversionNote(plan.share))
        add(facts.note, tr("Untrained conversion: the paper trains its models to share."));
    return facts;
}

} // namespace fovea
