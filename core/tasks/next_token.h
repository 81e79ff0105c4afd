#pragma once
// What a model expects after every token of a given sequence (teacher-forced, dense, fp32), and the measures
// drawn from it.

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/forward.h"
#include "core/tasks/random.h"

namespace fovea {

struct Model;
class Tokenizer;

// For each of the n tokens, the id ranked first to follow it; (n).
std::vector<std::int64_t> mostLikelyNext(const Model& model, std::span<const int> tokens);

// Bits the model needs per character (byte) of the text: `tokens` is cut into windows of `window` tokens,
// each after a BOS, and what each token costs is summed over the bytes that the tokens spell. `attention` is the model's
// own where it is empty.
double bitsPerCharacter(const Model& model, const Tokenizer& tokenizer, std::span<const int> tokens,
                        std::int64_t window, const AttentionFunction& attention = {});

// Nats the model needs per token of the same.
double natsPerToken(const Model& model, const Tokenizer& tokenizer, std::span<const int> tokens,
                    std::int64_t window);

// Share of tokens ranked first in the second showing of a run of random tokens, all but its first token;
// `run` tokens, repeated after a gap of other random tokens, in a context of `length`.
double copyAccuracy(const Model& model, std::int64_t run, std::int64_t length, int contexts,
                    std::uint64_t seed, int bos);

} // namespace fovea
