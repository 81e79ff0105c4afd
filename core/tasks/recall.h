#pragma once
// Recall: a list of `key value .` pairs, filler text, and later the keys again in any order. The model has
// recalled a pair when, fed the true tokens so far, it ranks every token of the value first.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tasks/random.h"

namespace fovea {

class Tokenizer;
struct Model;

// Words the lists are made of; numbers 10 to 99 are their values.
std::span<const std::string> recallNouns();

struct RecallExample {
    struct Answer {
        std::int64_t first = 0, count = 0; // tokens[first .. first+count) is the value of a repeated key
        // Tokens from there back to the first of the same value in the nearest place where the pair stands, in the list
        // or asked for before: what attention has to reach at least.
        std::int64_t back = 0;
    };
    std::vector<int> tokens; // BOS first
    std::vector<Answer> answers;
    std::int64_t listed = 0; // tokens of BOS and the list
};

struct RecallOptions {
    int pairs = 16;            // at most the number of nouns
    std::int64_t length = 512; // tokens, BOS included
};

// The list, then queries with runs of `filler` tokens between them, up to exactly `length` tokens.
// Throws std::invalid_argument when the list alone does not fit.
RecallExample makeRecall(const Tokenizer& tokenizer, std::span<const int> filler,
                         const RecallOptions& options, Random& random);

struct RecallScore {
    double accuracy = 0;    // share of answers recalled
    double aboveChance = 0; // (accuracy - 1/pairs) / (1 - 1/pairs): 0 for guessing among the listed values
    std::int64_t answers = 0;
};

// Over `contexts` examples, dense attention in fp32.
RecallScore scoreRecall(const Model& model, const Tokenizer& tokenizer, std::span<const int> filler,
                        const RecallOptions& options, int contexts, std::uint64_t seed);

} // namespace fovea
