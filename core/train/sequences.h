#pragma once
// The sequences a model is trained on: windows of text, and made-up ones whose end follows from their
// beginning.
//
//   text list     key value . key value . …   then text and repeated keys in turn, all spelt by the tokenizer
//   token list    the same with single random tokens as keys and values, nothing in between
//   copy          a run of random tokens, shown again at varying lag
//
// Every sequence begins with BOS. Tokens that nobody could know (a fresh key, a random value) are not graded.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tasks/random.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

struct Sequence {
    std::vector<int> tokens;  // length + 1: inputs and, one further, targets
    std::vector<char> graded; // whether tokens[i] counts as a target
};

class SequenceSource {
public:
    SequenceSource(const Tokenizer& tokenizer, std::span<const int> text,
                   const std::vector<std::string>& words, std::uint64_t seed);

    // `madeUp`: the share of sequences that are not plain text.
    Sequence next(std::int64_t length, double madeUp);

    // What is drawn next depends on this alone.
    std::uint64_t position() const { return m_random.state(); }
    void seek(std::uint64_t position) { m_random = Random(position); }

private:
    using Piece = std::vector<int>;

    Sequence plainText(std::int64_t length);
    Sequence textList(std::int64_t length);
    Sequence tokenList(std::int64_t length);
    Sequence copies(std::int64_t length);
    Piece listValue(int kind);
    void addText(Sequence& to, std::int64_t tokens);
    int randomPiece();

    int m_bos, m_vocabulary;
    std::span<const int> m_text;
    std::vector<Piece> m_nouns, m_words, m_numbers; // numbers: 0 to 999
    std::vector<Piece> m_joins, m_stops;            // between key and value, after a value
    Random m_random;
};

} // namespace fovea
