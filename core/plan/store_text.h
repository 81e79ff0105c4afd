#pragma once
// The store slot of a plan: its text, and what no kernel reads.
//
//     store=f32|f16|bf16     store=rtn:bits=4,group=128,mode=asym,zero=clamped     store=kivi:bits=2,group=32,residual=128
//     store=kvquant|cq:…     (learnt_store_text.h)

#include <optional>
#include <string>

#include "core/methods/store/store.h"
#include "core/plan/plan_words.h"

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

// Nothing for a value that is no store. Throws PlanError.
std::optional<Store> parseStoreMethod(const PlanWord& word);
// "store=rtn:bits=3"; empty for the model's own.
std::string storeText(const Store& store);
// "bf16", "rtn:bits=3": of rows under `store` in a model of type `own`.
std::string storeName(const Store& store, ElementType own);
// What no kernel reads, or what does not go with the rest of the plan.
std::optional<std::string> storeRefusal(const AttentionPlan& plan, const ModelSpec& spec);

} // namespace fovea
