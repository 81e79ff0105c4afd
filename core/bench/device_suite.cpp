#include "core/bench/device_suite.h"

namespace fovea {

namespace {

AttentionPlan halves(const Read& read = {}) {
    AttentionPlan plan;
    plan.store = ElementType::F16;
    plan.read = read;
    return plan;
}

DeviceTable sparqGrid() {
    DeviceTable table{"SparQ against dense: 32 heads, d = 128, f16", {}};
    std::vector<AttentionPlan> plans{halves()};
    for (const int components : {16, 32, 64})
        for (const int tokens : {64, 128, 256})
            plans.push_back(halves(SparqParams{.components = components, .tokens = tokens}));
    for (const int batch : {1, 16, 64})
        for (std::int64_t context = 1024; context <= 128 * 1024; context *= 2)
            table.cells.push_back({{.context = context, .batch = batch}, plans, true});
    return table;
}

// From one KV head of 4096 tokens to what any card needs more than.
DeviceTable fillingGrid() {
    DeviceTable table{"Dense by B*S*G, until it fills the card", {}};
    for (int heads = 1; heads <= 32; heads *= 2)
        table.cells.push_back({{.context = 4096, .batch = 1, .heads = heads, .kvHeads = heads}, {halves()}});
    for (int batch = 2; batch <= 64; batch *= 2)
        table.cells.push_back({{.context = 4096, .batch = batch}, {halves()}});
    table.cells.push_back({{.context = 4096, .batch = 64, .heads = 32, .kvHeads = 8}, {halves()}});
    return table;
}

DeviceTable roundedRows() {
    DeviceTable table{"Rows rounded to codes against rows in f16", {}};
    std::vector<AttentionPlan> plans{halves()};
    for (const int bits : {8, 4, 2}) {
        AttentionPlan plan;
        plan.store = RtnParams{.bits = bits};
        plans.push_back(plan);
    }
    for (const int batch : {1, 16, 64})
        table.cells.push_back({{.context = 4096, .batch = batch}, plans});
    return table;
}

} // namespace

DeviceBenchOptions deviceSuite() {
    DeviceBenchOptions suite;
    suite.tables = {sparqGrid(), fillingGrid(), roundedRows()};
    const std::vector<MatrixForm> forms{ElementType::BF16, RtnParams{.bits = 8}, RtnParams{.bits = 4}};
    for (const int vectors : {1, 8})
        for (const std::int64_t rows : {4096, 11008, 32000})
            suite.products.push_back({rows, 4096, vectors, forms});
    return suite;
}

} // namespace fovea
