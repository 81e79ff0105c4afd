#include "app/window/query_facts.h"

#include <QCoreApplication>

#include <algorithm>

#include "app/window/head_job.h"
#include "app/window/run_job.h"

namespace fovea {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::QueryFacts", text);
}

QString quoted(const QString& token) {
    QString shown = token;
    shown.replace(QLatin1Char('\n'), QStringLiteral("↵"));
    return QStringLiteral("“%1”").arg(shown);
}

// -ln p of each token under the run, 0 where no step predicted it.
void addSurprise(std::vector<TokenCell>& cells, const Run& run) {
    for (const StepRecord& step : run.steps) {
        const auto next = static_cast<std::size_t>(step.position + 1);
        if (next < cells.size())
            cells[next].measure = step.surprise;
    }
}

} // namespace

std::vector<TokenCell> tokenCells(const std::vector<QString>& texts, std::size_t promptTokens,
                                  TokenColour colour, const Run* run, const HeadPicture* head) {
    std::vector<TokenCell> cells(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        cells[i].text = texts[i];
        cells[i].generated = i >= promptTokens;
    }
    if (head && head->stages) {
        for (const std::int32_t key : head->stages->chosen)
            if (static_cast<std::size_t>(key) < cells.size())
                cells[static_cast<std::size_t>(key)].chosen = true;
    }
    if (colour == TokenColour::Missed && head && head->data) {
        const std::vector<float>& missed = head->data->map->missed;
        for (std::size_t i = 0; i < std::min(missed.size(), cells.size()); ++i)
            cells[i].measure = missed[i];
    } else if (colour == TokenColour::Surprise && run) {
        addSurprise(cells, *run);
    }
    return cells;
}

std::optional<int> likeliestAfter(const Run& run, std::int64_t position) {
    if (run.steps.empty() || !run.logits)
        return std::nullopt;
    const std::int64_t step = position - run.steps.front().position;
    const auto vocabulary = static_cast<std::size_t>(run.spec.vocabulary);
    if (step < 0 || (static_cast<std::size_t>(step) + 1) * vocabulary > run.logits->size())
        return std::nullopt;
    const auto row =
        run.logits->begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(step) * vocabulary);
    return static_cast<int>(std::max_element(row, row + static_cast<std::ptrdiff_t>(vocabulary)) - row);
}

QString queryNote(const RunPair& runs, std::int64_t query, const std::vector<QString>& texts,
                  std::size_t pinned, const std::function<QString(int)>& textOf) {
    if (!runs.a || query < 0 || static_cast<std::size_t>(query) >= texts.size())
        return {};
    const auto at = static_cast<std::size_t>(query);
    QStringList parts{tr("query %1 @ %2").arg(quoted(texts[at])).arg(query)};
    if (pinned)
        parts << tr("pinned %1").arg(pinned);
    const std::optional<int> a = likeliestAfter(*runs.a, query);
    std::optional<int> b;
    if (runs.b)
        b = likeliestAfter(*runs.b, query);
    if (at + 1 < texts.size()) {
        QString next = tr("next %1").arg(quoted(texts[at + 1]));
        if (a && b)
            next += *a == *b ? tr(" ✓ A and B agree")
                             : tr(" ✗ A would say %1, B %2").arg(quoted(textOf(*a)), quoted(textOf(*b)));
        parts << next;
    }
    return parts.join(QStringLiteral("   "));
}

} // namespace fovea
