#include "core/bench/bench_suite.h"

#include <memory>

namespace fovea {

namespace {

constexpr std::int64_t kInCaches = 384; // tokens: in f32 3 MB of K and V
constexpr ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

// Heads that look near and heads that look far, a quarter of the text in the mean.
MoaParams unequalSpans() {
    auto spans = std::make_shared<MoaSpans>();
    spans->layers = 1;
    spans->heads = 8;
    for (const double beta : {.0625, .0625, .125, .125, .25, .25, .5, .625})
        spans->spans.push_back({.alpha = 0, .beta = beta});
    return {.spans = std::move(spans)};
}

// A quarter of the text in each case.
SuiteTable plansOverStores(std::int64_t context) {
    SuiteTable table{
        "one query head per KV head", {.context = context, .heads = 8, .kvHeads = 8, .headDim = 128}, {}};
    const int quarter = static_cast<int>(context / 4);
    for (const ElementType type : kTypes) {
        const std::size_t dense = table.rows.size();
        const auto add = [&](const Keep& keep, const Read& read, std::size_t against) {
            table.rows.push_back({{.keep = keep, .store = type, .read = read}, against});
        };
        add({}, {}, dense);
        add({}, SparqParams{.components = 32, .tokens = 128}, dense);
        add({}, TopvParams{.tokens = 128}, dense);
        add({}, QuestParams{.page = 16, .pages = 8}, dense);
        add(StreamingParams{.sinks = 4, .window = quarter - 4}, {}, dense);
        add(unequalSpans(), {}, dense);
        add(H2oParams{.heavy = {quarter / 2, false}, .recent = {quarter - quarter / 2, false}}, {},
            table.rows.size() - 2);
    }
    return table;
}

SuiteTable denseAlone(std::string title, const BenchShape& shape) {
    SuiteTable table{std::move(title), shape, {}};
    for (const ElementType type : kTypes) {
        SuiteRow& row = table.rows.emplace_back();
        row.plan.store = type;
        row.against = table.rows.size() - 1;
    }
    return table;
}

} // namespace

std::vector<AttentionPlan> SuiteTable::plans() const {
    std::vector<AttentionPlan> plans;
    for (const SuiteRow& row : rows)
        plans.push_back(row.plan);
    return plans;
}

std::vector<SuiteTable> benchSuite(std::int64_t context) {
    return {plansOverStores(context),
            denseAlone("four query heads per KV head: each row is read once for them",
                       {.context = context, .heads = 32, .kvHeads = 8, .headDim = 128}),
            denseAlone("rows that fit the caches: what arithmetic alone allows, in GB/s",
                       {.context = kInCaches, .heads = 8, .kvHeads = 8, .headDim = 128}),
            denseAlone("the same with four query heads per KV head",
                       {.context = kInCaches, .heads = 32, .kvHeads = 8, .headDim = 128})};
}

} // namespace fovea
