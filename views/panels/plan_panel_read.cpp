// The READ strip of a PlanPanel but for SparQ's own switches: which method reads, and what top-k V and Quest take.
#include <QCheckBox>
#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>

#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"
#include "views/theme.h"

namespace fovea {
namespace {

enum Method { All, Sparq, Topv, Quest }; // in the order of Read
constexpr int kMostPage = 256;           // on the slider; a plan's text may have more

// "64 · 12.6 %" of what is cached.
QString shareOf(std::int64_t read, std::int64_t tokens) {
    auto text = QString::number(read);
    if (tokens > 0)
        text += read >= tokens
                    ? QObject::tr(" · all %1").arg(tokens)
                    : QObject::tr(" · %1 %").arg(
                          100. * static_cast<double>(read) / static_cast<double>(tokens), 0, 'f', 1);
    return text;
}

QWidget* parametersOf(QVBoxLayout* section, QVBoxLayout*& column) {
    auto* rows = new QWidget;
    column = new QVBoxLayout(rows);
    column->setContentsMargins(0, 4, 0, 0);
    column->setSpacing(1);
    section->addWidget(rows);
    return rows;
}

} // namespace

void PlanPanel::buildTopvAndQuest(QVBoxLayout* section) {
    auto& rows = *m_rows;
    QVBoxLayout* column = nullptr;
    rows.topv = parametersOf(section, column);
    rows.values =
        addSlider(column, tr("k  values read"), ParameterSlider::Scale::Logarithmic, rows.valuesValue,
                  tr("How many values are read: of the tokens that weigh most. Double-click: default."));
    rows.renormalise = new QCheckBox;
    rows.renormalise->setAccessibleName(tr("renormalise"));
    const auto tip =
        tr("On: the weights that are kept sum to 1 again. Off, the authors' way: they stay as they are");
    rows.renormalise->setToolTip(tip);
    auto* label = mutedLabel(tr("renormalise"));
    label->setToolTip(tip);
    column->addLayout(rowOf(label, rows.renormalise));

    rows.quest = parametersOf(section, column);
    rows.page =
        addSlider(column, tr("page"), ParameterSlider::Scale::Logarithmic, rows.pageValue,
                  tr("How many slots share their bounds, and are read together. Double-click: default."));
    rows.pages =
        addSlider(column, tr("pages"), ParameterSlider::Scale::Logarithmic, rows.pagesValue,
                  tr("How many pages are read, the newest token's among them. Double-click: default."));
    rows.skip = addSlider(column, tr("skip"), ParameterSlider::Scale::Linear, rows.skipValue,
                          tr("How many of the first layers are read dense. Double-click: default."));
}

// What choosing a method starts from: the last values, or ones that leave something out in a text as long as this
// model's context.
Read PlanPanel::startingRead(int index) const {
    const int eighth = std::clamp(longest() / 8, 16, TopvParams{}.tokens);
    if (index == Sparq)
        return fitting(m_last);
    if (index == Topv)
        return m_lastTopv.value_or(TopvParams{.tokens = eighth});
    if (index == Quest) {
        QuestParams quest;
        quest.pages = std::clamp(longest() / 8 / quest.page, 2, quest.pages);
        quest.skip = m_spec.layers > quest.skip ? quest.skip : 0;
        return m_lastQuest.value_or(quest);
    }
    return ReadAll{};
}

void PlanPanel::showRead() {
    auto& rows = *m_rows;
    const auto* sparq = std::get_if<SparqParams>(&m_plan.read);
    const auto* topv = std::get_if<TopvParams>(&m_plan.read);
    const auto* quest = std::get_if<QuestParams>(&m_plan.read);
    if (sparq)
        m_last = *sparq;
    if (topv)
        m_lastTopv = *topv;
    if (quest)
        m_lastQuest = *quest;
    rows.read->setCurrentIndex(static_cast<int>(m_plan.read.index()));
    rows.paper->setText(sparq   ? tr("Ribar 2023")
                        : topv  ? tr("Sheng 2023")
                        : quest ? tr("Tang 2024")
                                : QString());
    rows.sparq->setVisible(sparq);
    rows.topv->setVisible(topv);
    rows.quest->setVisible(quest);
    showSparq(m_last);
    if (topv)
        showTopv(*topv);
    if (quest)
        showQuest(*quest);
}

void PlanPanel::showTopv(const TopvParams& params) {
    auto& rows = *m_rows;
    rows.values->setLimits(1, std::max(longest(), params.tokens));
    rows.values->setDefault(std::clamp(longest() / 8, 16, TopvParams{}.tokens));
    rows.values->setNumber(params.tokens);
    rows.valuesValue->setText(shareOf(params.tokens, m_tokens));
    rows.renormalise->setChecked(params.renormalise);
}

void PlanPanel::showQuest(const QuestParams& params) {
    auto& rows = *m_rows;
    const QuestParams usual;
    rows.page->setLimits(1, std::max(kMostPage, params.page));
    rows.page->setDefault(usual.page);
    rows.page->setNumber(params.page);
    rows.pageValue->setText(QString::number(params.page));
    rows.pages->setLimits(1, std::max((longest() + params.page - 1) / params.page, params.pages));
    rows.pages->setDefault(std::clamp(longest() / 8 / params.page, 2, usual.pages));
    rows.pages->setNumber(params.pages);
    const std::int64_t slots = std::int64_t{params.page} * params.pages;
    rows.pagesValue->setText(tr("%1 · tokens %2").arg(params.pages).arg(shareOf(slots, m_tokens)));
    const int layers = std::max(m_spec.layers, params.skip);
    rows.skip->setLimits(0, std::max(layers, 1));
    rows.skip->setDefault(std::min(usual.skip, layers));
    rows.skip->setNumber(params.skip);
    rows.skipValue->setText(tr("%1 of %2").arg(params.skip).arg(layers));
}

void PlanPanel::connectRead() {
    auto& rows = *m_rows;
    // A change of one method's parameters, from whatever the plan holds now.
    const auto changed = [this](const QString& what, auto of, auto change) {
        return [this, what, of, change](auto value) {
            auto plan = m_plan;
            auto* params = of(plan);
            if (m_showing || !params)
                return;
            change(*params, value);
            edit(plan, what);
        };
    };
    const auto topv = [](AttentionPlan& plan) { return std::get_if<TopvParams>(&plan.read); };
    const auto quest = [](AttentionPlan& plan) { return std::get_if<QuestParams>(&plan.read); };
    const auto slides = [this](ParameterSlider* slider, auto edited) {
        connect(slider, &ParameterSlider::numberEdited, this, edited);
        connect(slider, &ParameterSlider::editFinished, this, &PlanPanel::editFinished);
    };
    slides(rows.values, changed(QStringLiteral("k"), topv, [](TopvParams& p, int n) { p.tokens = n; }));
    slides(rows.page, changed(QStringLiteral("page"), quest, [](QuestParams& p, int n) { p.page = n; }));
    slides(rows.pages, changed(QStringLiteral("pages"), quest, [](QuestParams& p, int n) { p.pages = n; }));
    slides(rows.skip, changed(QStringLiteral("skip"), quest, [](QuestParams& p, int n) { p.skip = n; }));
    const auto whole = [this](auto* sender, auto signal, auto edited) {
        connect(sender, signal, this, [this, edited](auto value) {
            edited(value);
            if (!m_showing)
                Q_EMIT editFinished();
        });
    };
    whole(rows.renormalise, &QCheckBox::toggled,
          changed(QStringLiteral("renormalise"), topv, [](TopvParams& p, bool on) { p.renormalise = on; }));
    whole(rows.read, &QComboBox::activated, [this](int index) {
        auto plan = m_plan;
        plan.read = startingRead(index);
        edit(plan, QStringLiteral("read"));
    });
}

} // namespace fovea
