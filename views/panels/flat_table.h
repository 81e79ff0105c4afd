#pragma once
// The look of tables of plans: no grid, no frame, rows that are chosen as a whole, the panel's own background.

class QTableWidget;

namespace fovea {

// `stretched`: the column that takes what room is left, its words at the left; the others hold numbers.
void makeFlatTable(QTableWidget& table, int stretched);
// After the header's words or the theme have changed.
void colourFlatHeader(QTableWidget& table, int stretched);

} // namespace fovea
