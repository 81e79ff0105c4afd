#include "app/window/show_as_feed.h"

#include <QStringList>

#include <algorithm>
#include <array>

#include "app/window/controller.h"
#include "app/window/document.h"
#include "app/window/loaded_model.h"
#include "simulation/model_shapes.h"
#include "simulation/show_as.h"
#include "views/charts/timelines.h"

namespace fovea {

namespace {

// Longest sequences a shape is shown at; those beyond its published context are left out.
constexpr std::array<std::int64_t, 4> kLengths = {4096, 16384, 32768, 131072};
constexpr int kPoints = 400;

struct Choice {
    const ModelShape* shape;
    std::int64_t length;
};

std::vector<Choice> choices() {
    std::vector<Choice> all;
    for (const ModelShape& shape : modelShapes())
        for (const std::int64_t length : kLengths)
            all.push_back({&shape, length});
    return all;
}

QString lengthText(std::int64_t tokens) {
    return QStringLiteral("%1k").arg(tokens / 1024);
}

void append(FormulaSeries::Plan& plan, const Projection& projection) {
    for (const ProjectedStep& step : projection.steps) {
        plan.moved.push_back(step.moved);
        plan.held.push_back(step.held);
    }
}

} // namespace

ShowAsFeed::ShowAsFeed(Document& document, Controller& controller, Timelines& timelines, QObject* parent)
    : QObject(parent), m_document(document), m_controller(controller), m_timelines(timelines) {
    connect(&document, &Document::modelChanged, this, &ShowAsFeed::fill);
    connect(&document, &Document::planChanged, this, [this] {
        // This model's own timelines are drawn from runs, which a plan's edit has not changed yet.
        if (m_timelines.showAsChoice() > 0)
            show(m_timelines.showAsChoice());
    });
    connect(&timelines, &Timelines::showAsChosen, this, &ShowAsFeed::show);
    fill();
}

void ShowAsFeed::fill() {
    QStringList texts{m_document.model() ? tr("this model") : tr("no model")};
    for (const Choice& choice : choices())
        texts << QStringLiteral("%1, %2").arg(QString::fromStdString(choice.shape->spec.name),
                                              lengthText(choice.length));
    const int chosen = m_timelines.showAsChoice();
    m_timelines.setShowAsChoices(texts);
    m_timelines.setShowAsChoice(std::clamp(chosen, 0, static_cast<int>(texts.size()) - 1));
}

void ShowAsFeed::show(int index) {
    const std::vector<Choice> all = choices();
    if (index <= 0 || index > static_cast<int>(all.size())) {
        m_timelines.setShowAs(std::nullopt);
        return;
    }
    const Choice choice = all[static_cast<std::size_t>(index - 1)];
    const ModelSpec& spec = choice.shape->spec;
    FormulaSeries series;
    series.title = QStringLiteral("%1, %2").arg(QString::fromStdString(spec.name),
                                                QString::fromUtf8(elementName(spec.type).data()));
    const std::vector<std::int64_t> contexts = contextRange(1, choice.length, kPoints);
    series.steps.assign(contexts.begin(), contexts.end());
    try {
        append(series.a, showAs(m_document.plan(Side::A), spec, contexts));
        append(series.b, showAs(m_document.plan(Side::B), spec, contexts));
    } catch (const PlanError& error) {
        // A plan may fit this model and not that one.
        m_timelines.setShowAsChoice(0);
        m_timelines.setShowAs(std::nullopt);
        Q_EMIT m_controller.failed(QString::fromUtf8(error.what()));
        return;
    }
    m_timelines.setShowAs(std::move(series));
}

} // namespace fovea
