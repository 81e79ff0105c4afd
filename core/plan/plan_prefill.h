#pragma once
// How a prompt is read under a plan: densely, masked by the plan's keep, or through the codes of the plan's store.
//
// Dense, a prompt's queries see all that came before them, as it came; so they see nothing of a store's codes, which are
// made beside them.
// Quantised, they see all of it as the store holds it by then, codes where it has made codes.
// Masked, the query at p of a prompt sees what the keep's rule lets it see (KeepRule), at the rule's distance: what a
// prompt leaves in the cache, and its logits, are those of the same tokens fed one by one with the keep acting from the
// first. What no later query will see leaves at the end of each chunk of the prompt, so a prompt of any length takes the
// memory of a chunk and of what the keep leaves.
//
// Papers, and so defaults
//   keep=moa          masked: its mask is the prompt's too (arXiv 2406.14909, section 3). Its code masks by blocks, so
//                     that the first query of a block sees up to a block less than the span; here each query sees its span.
//   keep=lm-infinite  masked: the Λ-shaped mask is that of every token (arXiv 2308.16137, section 4)
//   keep=streaming    dense: the authors' chat demo makes room in the cache and then reads a prompt in one dense pass.
//                     Their perplexity script feeds a text token by token, which is masked, and so are the baselines of
//                     that name in MoA's comparison: prefill=masked.
//   all others        dense: what scores tokens needs the prompt's own attention to score by (H2O, Scissorhands, SnapKV),
//                     and SparQ, top-k V and Quest act on decoded tokens alone. KIVI's prompts are read in full precision
//                     (arXiv 2402.02750, Algorithm 1), and so are those of KVQuant and Coupled Quantisation here.
//   store=rtn         quantised, where the keep does not mask: Qllm-Eval rounds K and V of whole texts (arXiv 2402.18158)
// Masked, a prompt is as if it had been decoded: through the store's codes.

#include <cstdint>
#include <optional>
#include <string>

#include "core/plan/attention_plan.h"

namespace fovea {

AttentionPlan::Prefill paperPrefill(const AttentionPlan& plan);
// The same of a plan whose keep does not mask: as the store's has it.
AttentionPlan::Prefill unmaskedPrefill(const Store& store);
// Does the keep go by position, so that a prompt can be masked by it?
bool canMaskPrefill(const Keep& keep);

bool masksPrefill(const AttentionPlan& plan);
// Does a prompt see rows as they come that the store makes codes of?
bool readsPromptInFloats(const AttentionPlan& plan);
// The first position at which the plan's keep acts: 0 where the prompt is masked.
std::int64_t keepActsFrom(const AttentionPlan& plan, std::int64_t decodeFrom);

// A choice that is the paper's own is no choice: plans that do the same are equal.
void forgetPaperPrefill(AttentionPlan& plan);
// "prefill=masked"; empty where the paper's own is meant.
std::string prefillText(const AttentionPlan& plan);
std::optional<std::string> prefillRefusal(const AttentionPlan& plan);

} // namespace fovea
