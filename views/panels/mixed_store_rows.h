#pragma once
// The choices of stores that keep some rows exact for a while: KIVI, KVQuant and Coupled Quantisation. STORE of a plan has
// them.

#include <QWidget>

#include <optional>
#include <vector>

#include "core/methods/store/store.h"

class QLabel;
class QVBoxLayout;

namespace fovea {

class FlatCombo;

class MixedStoreRows : public QWidget {
    Q_OBJECT
public:
    explicit MixedStoreRows(QWidget* parent = nullptr);

    // `bits` with metadata of rows that are coded, or nothing where they are not known.
    void showStore(const Store& store, std::optional<double> bits);

Q_SIGNALS:
    // `what` is "store bits", "store residual", …
    void edited(fovea::Store store, QString what);

private:
    // One choice of one store: its values, and how a store has them.
    struct Choice {
        FlatCombo* box;
        QWidget* row;
        std::size_t store; // index in Store
        std::vector<double> values;
        double (*get)(const Store& store);
        void (*set)(Store& store, double value);
    };
    template <class Params>
    void addChoice(QVBoxLayout* column, const QString& label, const QString& what, std::vector<double> values,
                   const QString& tip, double (*get)(const Store&), void (*set)(Store&, double));

    Store m_store;
    std::vector<Choice> m_choices;
    QLabel* m_note;
};

} // namespace fovea
