#pragma once
// The plans whose speed Fovea is held to, each beside the one that its promise is made against: `fovea bench all`.

#include <cstdint>
#include <string>
#include <vector>

#include "core/bench/bench_layer.h"

namespace fovea {

struct SuiteRow {
    AttentionPlan plan;
    std::size_t against; // row of the table; a row's own: it is held against the read bandwidth alone
};

struct SuiteTable {
    std::string title; // what the table is for
    BenchShape shape;
    std::vector<SuiteRow> rows;

    std::vector<AttentionPlan> plans() const;
};

// At `context` cached tokens, and where dense rows fit the caches, so that what arithmetic alone allows is seen.
std::vector<SuiteTable> benchSuite(std::int64_t context);

} // namespace fovea
