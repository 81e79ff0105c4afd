#pragma once
// The text of a store that is learnt, the same in a plan (store=…), on the command line (--store …) and in a file of
// codebooks:
//
//     kvquant:bits=3,outliers=0.01,exact=1,norm=on      cq:channels=4,bits=8,recent=32

#include <optional>
#include <string>
#include <string_view>

#include "core/methods/store/learnt_store.h"
#include "core/plan/plan_words.h"

namespace fovea {

struct ModelSpec;

// Of store=kvquant and store=cq; nothing for another value. Throws PlanError.
std::optional<LearntStore> parseLearntStore(const PlanWord& word);
// What stands after store=. Throws PlanError, also for another store.
LearntStore parseLearntStore(std::string_view text);
// "kvquant:bits=2": what is not the default.
std::string learntStoreText(const LearntStore& store);
// Why a model cannot have it; nothing where it can.
std::optional<std::string> learntStoreRefusal(const LearntStore& store, const ModelSpec& spec);

} // namespace fovea
