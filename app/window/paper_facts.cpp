#include "app/window/paper_facts.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <vector>

#include "app/window/run_job.h"
#include "core/plan/papers.h"

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

} // namespace

PaperFacts paperFacts(const AttentionPlan& plan, const RunPair& runs, std::int64_t query) {
    const bool sparq = std::holds_alternative<SparqParams>(plan.read);
    const Paper* paper = findPaper(sparq ? "sparq" : "attention");
    PaperFacts facts;
    if (!paper)
        return facts;
    const QString title = text(paper->title);
    facts.title = title.section(QLatin1Char(':'), 0, 0);
    facts.authors = citation(*paper);
    facts.reference = tr("arXiv %1").arg(text(paper->arxiv));
    facts.published = text(paper->publishedMoved);

    const StepRecord* a = stepOf(runs.a, query);
    const StepRecord* b = stepOf(runs.b, query);
    // Only a step made under this very plan may be called this plan's.
    if (!b || !(runs.b->plan == plan))
        return facts;
    const auto kib = [](const Traffic& t) {
        return QString::number(static_cast<double>(t.attention()) / 1024, 'f', 1);
    };
    facts.moves = tr("%1 KiB by formula, %2 KiB counted: the step at %3, all layers")
                      .arg(kib(b->formula), kib(b->counted))
                      .arg(query);
    if (!sparq || !a || b->counted.attention() == 0)
        return facts;
    const double bytes =
        static_cast<double>(a->counted.attention()) / static_cast<double>(b->counted.attention());
    const double slow = medianAttention(*runs.a), fast = medianAttention(*runs.b);
    if (slow > 0 && fast > 0)
        facts.note = tr("Paper: 3.02× faster of 6.4× fewer bytes (A100, S = 4096, r = 32, k = 128). "
                        "Here: %1× of %2× (attention, S = %3).")
                         .arg(slow / fast, 0, 'f', 2)
                         .arg(bytes, 0, 'f', 2)
                         .arg(query + 1);
    return facts;
}

} // namespace fovea
