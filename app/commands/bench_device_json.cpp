#include "app/commands/bench_device_json.h"

#include <utility>

#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

// `first` is what a row is held against. What was not timed says why, and has no number in place of a time.
Json jsonOf(std::string key, std::string name, const DeviceRow& row, const DeviceRow& first,
            double copyGbps) {
    Json json{{std::move(key), std::move(name)},
              {"formula_bytes", row.formulaBytes},
              {"needed_bytes", row.neededBytes}};
    if (!row.time) {
        json["not_timed"] = row.whyNot;
        return json;
    }
    json["median_seconds"] = row.time->median;
    json["spread"] = row.time->spread;
    json["fastest_seconds"] = row.time->fastest;
    json["gbps"] = row.gbps();
    json["of_limit"] = row.gbps() / copyGbps;
    json["promised"] = static_cast<double>(first.formulaBytes) / static_cast<double>(row.formulaBytes);
    if (first.time)
        json["faster"] = first.time->median / row.time->median;
    return json;
}

Json jsonOf(const DeviceCell& cell) {
    const DeviceShape& shape = cell.question.shape;
    Json rows = Json::array();
    for (std::size_t i = 0; i < cell.rows.size(); ++i)
        rows.push_back(
            jsonOf("plan", toText(cell.question.plans[i]), cell.rows[i], cell.rows.front(), cell.copyGbps));
    Json json{{"batch", shape.batch},       {"context", shape.context},  {"query_heads", shape.heads},
              {"kv_heads", shape.kvHeads},  {"head_dim", shape.headDim}, {"layers", cell.layers},
              {"copy_gbps", cell.copyGbps}, {"rows", std::move(rows)}};
    if (cell.torch)
        json["torch"] =
            jsonOf("kernel", "scaled_dot_product_attention", *cell.torch, cell.rows.front(), cell.copyGbps);
    return json;
}

Json jsonOf(const DeviceProductCell& cell) {
    Json rows = Json::array();
    for (std::size_t i = 0; i < cell.rows.size(); ++i)
        rows.push_back(jsonOf("weights", formText(cell.question.forms[i]), cell.rows[i], cell.rows.front(),
                              cell.copyGbps));
    return {{"rows", cell.question.rows},
            {"columns", cell.question.columns},
            {"vectors", cell.question.vectors},
            {"copy_gbps", cell.copyGbps},
            {"results", std::move(rows)}};
}

} // namespace

Json jsonOf(const DeviceBench& bench, const DeviceBenchOrigin& origin) {
    Json tables = Json::array(), products = Json::array();
    for (const DeviceCells& table : bench.tables) {
        Json cells = Json::array();
        for (const DeviceCell& cell : table.cells)
            cells.push_back(jsonOf(cell));
        tables.push_back({{"title", table.title}, {"cells", std::move(cells)}});
    }
    for (const DeviceProductCell& cell : bench.products)
        products.push_back(jsonOf(cell));
    return {{"device",
             {{"name", bench.device.name},
              {"memory_bytes", bench.device.memory},
              {"free_bytes", bench.device.freeMemory},
              {"multiprocessors", bench.device.multiprocessors},
              {"driver", origin.driver}}},
            {"date", origin.date},
            {"command", origin.command},
            {"copy_bytes", bench.copyBytes},
            {"tables", std::move(tables)},
            {"products", std::move(products)}};
}

} // namespace fovea
