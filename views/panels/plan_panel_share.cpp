// The SHARE strip of a PlanPanel: which layers own KV, how a model that was not trained so is made to share, and that
// what is shown then is untrained.
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

#include "core/plan/share_text.h"
#include "views/panel_frame.h"
#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"
#include "views/theme.h"

namespace fovea {
namespace {

enum Method { Own, Cla, Layers };

QString text(std::string_view utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

void setConversion(Share& share, KvConversion convert) {
    if (auto* cla = std::get_if<ClaParams>(&share))
        cla->convert = convert;
    else if (auto* list = std::get_if<LayerSources>(&share))
        list->convert = convert;
}

} // namespace

void PlanPanel::buildShare(QVBoxLayout* column) {
    auto& rows = *m_rows;
    rows.share = new FlatCombo;
    rows.share->addItems({tr("model's own"), tr("layers share (CLA)"), tr("a source per layer")});
    rows.sharePaper = mutedLabel({});
    auto* section =
        addSection(column, tr("SHARE — who owns KV"), rows.share,
                   tr("Heads share K and V as the model was trained to. Cross-Layer Attention: layers "
                      "attend over the K and V of an earlier one, which shrinks what is held, not what "
                      "is read."),
                   rows.sharePaper);
    rows.shared = new QWidget;
    auto* inner = new QVBoxLayout(rows.shared);
    inner->setContentsMargins(0, 4, 0, 0);
    inner->setSpacing(1);
    rows.factor = addSlider(inner, tr("s  layers per KV"), ParameterSlider::Scale::Linear, rows.factorValue,
                            tr("How many layers share one layer's KV. Double-click: default."));
    rows.pattern = new FlatCombo;
    for (const auto pattern : {ClaParams::Pattern::Even, ClaParams::Pattern::KeepEnds,
                               ClaParams::Pattern::DenseFront, ClaParams::Pattern::DenseBack})
        rows.pattern->addItem(text(patternName(pattern)));
    rows.patternRow =
        choiceRow(inner, tr("pattern"), rows.pattern,
                  tr("Even: adjacent layers in groups of s. Keep-ends: the first and the last layer "
                     "share with nobody. Dense-front, dense-back: as many KV layers, all but one of "
                     "them at one end."));
    rows.convert = new FlatCombo;
    rows.convert->addItems({tr("mean of the group"), tr("its first layer")});
    choiceRow(inner, tr("weights"), rows.convert,
              tr("What the owner's K and V projections become: the mean of those of all layers that share "
                 "them, the "
                 "gains of their norms absorbed, or a copy of the first layer's"));
    rows.shareNote = mutedLabel({});
    rows.shareNote->setWordWrap(true);
    inner->addWidget(rows.shareNote);
    rows.diagram = headerButton(tr("Sharing diagram"), rows.shared);
    rows.diagram->setFont(uiFont(11));
    inner->addWidget(rows.diagram, 0, Qt::AlignLeft);
    section->addWidget(rows.shared);
}

// What choosing a method starts from: the last values, or this plan's map spelled out layer by layer.
Share PlanPanel::startingShare(int index) const {
    if (index == Cla)
        return m_lastCla.value_or(ClaParams{});
    if (index != Layers)
        return OwnKv{};
    if (const auto* list = std::get_if<LayerSources>(&m_plan.share))
        return *list;
    const ClaParams from = m_lastCla.value_or(ClaParams{});
    return LayerSources{claSources(from, m_spec.layers), from.convert};
}

void PlanPanel::showShare() {
    auto& rows = *m_rows;
    const int group = m_spec.kvHeads > 0 ? m_spec.group() : 1;
    const auto kind = m_spec.kvHeads == 1 && group > 1 ? tr("MQA") : group > 1 ? tr("GQA") : tr("MHA");
    rows.share->setItemText(
        Own, m_spec.kvHeads > 0
                 ? tr("model's own (%1 %2 / %3)").arg(kind).arg(m_spec.queryHeads).arg(m_spec.kvHeads)
                 : tr("model's own"));
    const auto* cla = std::get_if<ClaParams>(&m_plan.share);
    if (cla)
        m_lastCla = *cla;
    rows.share->setCurrentIndex(static_cast<int>(m_plan.share.index()));
    rows.share->updateGeometry();
    rows.sharePaper->setText(m_plan.share.index() == Own ? QString() : tr("Brandon 2024"));
    rows.shared->setVisible(m_plan.share.index() != Own);
    if (m_plan.share.index() == Own)
        return;
    rows.factor->setVisible(cla != nullptr);
    rows.patternRow->setVisible(cla != nullptr);
    const ClaParams shown = m_lastCla.value_or(ClaParams{});
    rows.factor->setLimits(2, std::max({m_spec.layers, shown.factor, 2}));
    rows.factor->setDefault(ClaParams{}.factor);
    rows.factor->setNumber(shown.factor);
    const int owners = sharedSpec(m_spec, m_plan.share).kvLayers();
    const QString owned = tr("%1 of %2 own KV").arg(owners).arg(m_spec.layers);
    rows.factorValue->setText(cla ? tr("%1 · %2").arg(shown.factor).arg(owned) : owned);
    rows.pattern->setCurrentIndex(static_cast<int>(shown.pattern));
    rows.convert->setCurrentIndex(conversionOf(m_plan.share) == KvConversion::First ? 1 : 0);
    rows.shareNote->setText(tr("Untrained conversion: this model was not trained to share."));
}

void PlanPanel::connectShare() {
    auto& rows = *m_rows;
    const auto whole = [this](FlatCombo* box, const QString& what, auto change) {
        connect(box, &QComboBox::activated, this, [this, what, change](int index) {
            auto plan = m_plan;
            change(plan.share, index);
            edit(plan, what);
            if (!m_showing)
                Q_EMIT editFinished();
        });
    };
    whole(rows.share, QStringLiteral("share"),
          [this](Share& share, int index) { share = startingShare(index); });
    whole(rows.pattern, QStringLiteral("pattern"), [](Share& share, int index) {
        if (auto* cla = std::get_if<ClaParams>(&share))
            cla->pattern = static_cast<ClaParams::Pattern>(index);
    });
    whole(rows.convert, QStringLiteral("convert"), [](Share& share, int index) {
        setConversion(share, index ? KvConversion::First : KvConversion::Mean);
    });
    connect(rows.factor, &ParameterSlider::numberEdited, this, [this](int n) {
        auto plan = m_plan;
        auto* cla = std::get_if<ClaParams>(&plan.share);
        if (m_showing || !cla)
            return;
        cla->factor = n;
        edit(plan, QStringLiteral("factor"));
    });
    connect(rows.factor, &ParameterSlider::editFinished, this, &PlanPanel::editFinished);
    connect(rows.diagram, &QToolButton::clicked, this, &PlanPanel::sharingDiagramRequested);
}

// What this model's layers rule out is greyed out where one would choose it.
void PlanPanel::offerShares() {
    auto& rows = *m_rows;
    const auto whyNot = [this](const Share& share) {
        return m_spec.headDim > 0 ? shareRefusal(share, m_spec) : std::nullopt;
    };
    for (const int method : {Cla, Layers})
        offer(rows.share, method, m_spec.layers > 0 ? whyNot(startingShare(method)) : std::nullopt);
    for (int pattern = 0; pattern < rows.pattern->count(); ++pattern) {
        ClaParams params = m_lastCla.value_or(ClaParams{});
        params.pattern = static_cast<ClaParams::Pattern>(pattern);
        offer(rows.pattern, pattern, whyNot(params));
    }
}

} // namespace fovea
