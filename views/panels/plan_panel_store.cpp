// The STORE strip of a PlanPanel: in what form cached rows are, and what that is in bits with all metadata.
#include <QLabel>
#include <QVBoxLayout>

#include "core/methods/store/store.h"
#include "core/plan/plan_prefill.h"
#include "views/panels/flat_combo.h"
#include "views/panels/mixed_store_rows.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"
#include "views/panels/rtn_rows.h"

namespace fovea {
namespace {

constexpr ElementType kFloats[] = {ElementType::F32, ElementType::F16, ElementType::BF16};
// After the model's own and the floats.
enum Entry { Rounded = 4, Kivi, Kvquant, Cq };

QString nameOf(ElementType type) {
    const auto name = elementName(type);
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

int entryOf(const Store& store) {
    if (const auto* type = std::get_if<ElementType>(&store))
        return 1 + static_cast<int>(*type);
    if (std::holds_alternative<RtnParams>(store))
        return Rounded;
    if (std::holds_alternative<KiviParams>(store))
        return Kivi;
    if (std::holds_alternative<KvquantParams>(store))
        return Kvquant;
    return std::holds_alternative<CqParams>(store) ? Cq : 0;
}

Store storeOf(int entry) {
    switch (entry) {
    case 0: return OwnStore{};
    case Rounded: return RtnParams{};
    case Kivi: return KiviParams{};
    case Kvquant: return KvquantParams{};
    case Cq: return CqParams{};
    default: return kFloats[entry - 1];
    }
}

} // namespace

void PlanPanel::buildStore(QVBoxLayout* column) {
    auto& rows = *m_rows;
    rows.store = new FlatCombo;
    rows.store->addItem(tr("checkpoint's own"));
    for (const ElementType type : kFloats)
        rows.store->addItem(nameOf(type));
    rows.store->addItems({tr("rounded (RTN)"), tr("KIVI"), tr("KVQuant"), tr("coupled (CQ)")});
    rows.storePaper = mutedLabel({});
    auto* section = addSection(column, tr("STORE — in what form"), rows.store,
                               tr("Cached rows as floats; or each token's K and V rounded to the nearest of a few levels of a "
                                  "group of its components; or, after a while, as KIVI, KVQuant and CQ code them, the "
                                  "last two from codebooks that fovea calibrate learns. Attention then reads the codes, in "
                                  "the prompt too. What a read keeps beside the rows, as SparQ's copy of K, stays float."),
                               rows.storePaper);
    rows.storeRtn = new RtnRows(QStringLiteral("store"), tr("value"), tr("A token's K and V"));
    rows.storeMixed = new MixedStoreRows;
    section->addWidget(rows.storeRtn);
    section->addWidget(rows.storeMixed);
    rows.promptRows = new FlatCombo;
    rows.promptRows->setObjectName(QStringLiteral("store prompt"));
    rows.promptRows->addItems({QString(), QString()}); // which of them is the paper's own depends on the store
    rows.promptRow = choiceRow(section, tr("a prompt sees"), rows.promptRows,
                               tr("Do a prompt's own queries see the rows before them as they came, or through the codes, as "
                                  "what is decoded afterwards does? In floats it takes those of the whole prompt while it is "
                                  "read."));
}

void PlanPanel::showStore() {
    auto& rows = *m_rows;
    const QString papers[] = {tr("Li 2024"), tr("Liu 2024"), tr("Hooper 2024"), tr("Zhang 2024")};
    const int entry = entryOf(m_plan.store);
    rows.store->setItemText(0, tr("checkpoint's own (%1)").arg(nameOf(m_spec.type)));
    rows.store->setCurrentIndex(entry);
    rows.store->updateGeometry();
    rows.storePaper->setText(entry < Rounded ? QString() : papers[entry - Rounded]);
    rows.storeRtn->setVisible(entry == Rounded);
    rows.storeMixed->setVisible(entry > Rounded);
    const bool codes = unmaskedPrefill(m_plan.store) == AttentionPlan::Prefill::Quantised;
    rows.promptRow->setVisible(entry >= Rounded && !masksPrefill(m_plan));
    rows.promptRows->setItemText(0, codes ? tr("floats") : tr("floats, the paper's"));
    rows.promptRows->setItemText(1, codes ? tr("the codes, the paper's") : tr("the codes"));
    rows.promptRows->setCurrentIndex(readsPromptInFloats(m_plan) ? 0 : 1);
    m_lastStores[m_plan.store.index()] = m_plan.store;
    const auto bits =
        m_spec.headDim > 0 ? std::optional(storedBits(m_plan.store, m_spec.type, m_spec.headDim)) : std::nullopt;
    if (entry == Rounded)
        rows.storeRtn->showRtn(
            std::get<RtnParams>(m_plan.store), bits,
            tr("Formula: bits per value of a row of %1, its scales and zeros among them").arg(m_spec.headDim));
    else if (entry > Rounded)
        rows.storeMixed->showStore(m_plan.store, bits);
}

void PlanPanel::connectStore() {
    auto& rows = *m_rows;
    const auto changed = [this](const Store& store, const QString& what) {
        auto plan = m_plan;
        plan.store = store;
        edit(plan, what);
        if (!m_showing)
            Q_EMIT editFinished();
    };
    connect(rows.store, &QComboBox::activated, this, [this, changed](int entry) {
        const Store fresh = storeOf(entry);
        const bool floats = std::holds_alternative<ElementType>(fresh); // each of which is another choice
        changed(floats ? fresh : m_lastStores[fresh.index()].value_or(fresh), QStringLiteral("store"));
    });
    connect(rows.promptRows, &QComboBox::activated, this, [this](int index) {
        auto plan = m_plan;
        plan.prefill = index ? AttentionPlan::Prefill::Quantised : AttentionPlan::Prefill::Dense;
        edit(plan, QStringLiteral("prefill"));
        if (!m_showing)
            Q_EMIT editFinished();
    });
    connect(rows.storeRtn, &RtnRows::edited, this,
            [changed](const RtnParams& rtn, const QString& what) { changed(rtn, what); });
    connect(rows.storeMixed, &MixedStoreRows::edited, this, changed);
}

} // namespace fovea
