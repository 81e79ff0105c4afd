#include "views/panels/mixed_store_rows.h"

#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>

#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel_rows.h"

namespace fovea {
namespace {

QString textOf(double value, bool share) {
    return share ? QStringLiteral("%1 %").arg(100 * value, 0, 'g', 3) : QString::number(value);
}

// How one number of one store's parameters is read and written.
template <auto kMember>
struct Field;
template <class Params, class Value, Value Params::*kMember>
struct Field<kMember> {
    static double get(const Store& store) { return static_cast<double>(std::get<Params>(store).*kMember); }
    static void set(Store& store, double value) { std::get<Params>(store).*kMember = static_cast<Value>(value); }
};

// A multiple of the group, as many groups as before where that can be.
void keepGroups(KiviParams& p, int group) {
    const int groups = std::max(1, p.residual / p.group);
    p.group = group;
    p.residual = std::min(groups, KiviParams::kMostResidual / group) * group;
}

} // namespace

template <class Params>
void MixedStoreRows::addChoice(QVBoxLayout* column, const QString& label, const QString& what, std::vector<double> values,
                               const QString& tip, double (*get)(const Store&), void (*set)(Store&, double)) {
    auto* box = new FlatCombo;
    box->setObjectName(QStringLiteral("store ") + what);
    for (const double value : values)
        box->addItem(textOf(value, what == QLatin1String("outliers")));
    QWidget* row = choiceRow(column, label, box, tip);
    const auto index = m_choices.size();
    m_choices.push_back({box, row, Store(Params{}).index(), std::move(values), get, set});
    connect(box, &QComboBox::activated, this, [this, index](int chosen) {
        const Choice& choice = m_choices[index];
        Store store = m_store;
        choice.set(store, choice.values[static_cast<std::size_t>(chosen)]);
        Q_EMIT edited(store, choice.box->objectName());
    });
}

MixedStoreRows::MixedStoreRows(QWidget* parent) : QWidget(parent) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 4, 0, 0);
    column->setSpacing(1);
    addChoice<KiviParams>(column, tr("b  bits per value"), QStringLiteral("kivi bits"), {8, 4, 3, 2},
                          tr("A value becomes the nearest of 2^b even levels"), Field<&KiviParams::bits>::get,
                          Field<&KiviParams::bits>::set);
    addChoice<KiviParams>(
        column, tr("g  values per scale"), QStringLiteral("kivi group"), {32, 64, 128},
        tr("Keys are rounded per channel over g tokens, values per token over g channels"),
        [](const Store& s) { return static_cast<double>(std::get<KiviParams>(s).group); },
        [](Store& s, double value) { keepGroups(std::get<KiviParams>(s), static_cast<int>(value)); });
    addChoice<KiviParams>(column, tr("R  exact tokens"), QStringLiteral("residual"), {32, 64, 128, 256, 512},
                          tr("The newest tokens stay as they are: values up to R, keys until there are R of them"),
                          Field<&KiviParams::residual>::get,
                          Field<&KiviParams::residual>::set);
    addChoice<KvquantParams>(column, tr("b  bits per value"), QStringLiteral("kvquant bits"), {4, 3, 2},
                             tr("A value becomes the nearest of 2^b levels that were learnt from a text"),
                             Field<&KvquantParams::bits>::get,
                          Field<&KvquantParams::bits>::set);
    addChoice<KvquantParams>(column, tr("o  outliers"), QStringLiteral("outliers"), {0, .005, .01, .02, .05},
                             tr("This share of a token's numbers stays as it is, where it lies outside the range"),
                             Field<&KvquantParams::outliers>::get,
                          Field<&KvquantParams::outliers>::set);
    addChoice<KvquantParams>(column, tr("exact first tokens"), QStringLiteral("exact"), {0, 1, 2, 4, 8, 16},
                             tr("The first tokens of the text stay as they are: much attention goes there"),
                             Field<&KvquantParams::exact>::get,
                          Field<&KvquantParams::exact>::set);
    addChoice<CqParams>(column, tr("c  channels per code"), QStringLiteral("channels"), {1, 2, 4, 8},
                        tr("So many channels together are one of 2^b learnt vectors"), Field<&CqParams::channels>::get,
                          Field<&CqParams::channels>::set);
    addChoice<CqParams>(column, tr("b  bits per code"), QStringLiteral("cq bits"), {1, 2, 4, 6, 8, 10},
                        tr("b/c bits per value: 4 channels in 8 bits are 2"), Field<&CqParams::bits>::get,
                          Field<&CqParams::bits>::set);
    addChoice<CqParams>(column, tr("w  exact newest tokens"), QStringLiteral("recent"), {0, 16, 32, 64, 128},
                        tr("The newest tokens stay as they are"), Field<&CqParams::recent>::get,
                          Field<&CqParams::recent>::set);
    m_note = mutedLabel({});
    m_note->setObjectName(QStringLiteral("store mixed note"));
    column->addWidget(m_note);
}

void MixedStoreRows::showStore(const Store& store, std::optional<double> bits) {
    m_store = store;
    for (const Choice& choice : m_choices) {
        const bool own = choice.store == store.index();
        choice.row->setVisible(own);
        if (!own)
            continue;
        // A plan's text may name a number that is not offered.
        const double value = choice.get(store);
        const auto found = std::find_if(choice.values.begin(), choice.values.end(),
                                        [&](double offered) { return std::fabs(offered - value) < 1e-12; });
        choice.box->setCurrentIndex(found == choice.values.end() ? -1
                                                                 : static_cast<int>(found - choice.values.begin()));
    }
    m_note->setText(bits ? tr("%1 bits when coded, with scales").arg(*bits, 0, 'f', 3) : QString());
    m_note->setToolTip(tr("Formula: bits per value of a row that is coded, with its share of scales and outliers; exact rows "
                          "and learnt tables aside"));
}

} // namespace fovea
