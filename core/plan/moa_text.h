#pragma once
// The text of keep=moa.
//
//     keep=moa:alpha=1024,beta=0.25,sinks=64,block=64,min=128,length=grows      one span for all heads
//     keep=moa:file=vicuna-7b.json                                              one for each, in a file (moa_file.h)
//     keep=moa:spans=2x4/0+0.5N*6/1024+0.25N*2                                  one for each, written out: layers x
//                                                                               heads, then runs of α+βN, row by row

#include <optional>
#include <string>
#include <string_view>

#include "core/plan/attention_plan.h"
#include "core/plan/plan_words.h"

namespace fovea {

// Reads the file that the word names. Throws PlanError.
MoaParams parseMoa(const PlanWord& word);
std::string moaText(const MoaParams& params, SpansText spans);
// Spans that no file holds as their shape alone.
std::string moaTitle(const MoaParams& params);
std::optional<std::string> moaRefusal(const MoaParams& params, const ModelSpec& spec);

// "2x4/0+0.5N*6/1024+0.25N*2".
std::string spansText(const MoaSpans& spans);
// Its inverse; nothing for what is none. Nothing is allocated before the shape and the runs agree.
std::optional<MoaSpans> parseSpans(std::string_view text);

} // namespace fovea
