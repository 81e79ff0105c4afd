#pragma once
// Text to learn from: read, tokenised, and split into what is trained on and what is held out.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

// The file's text with carriage returns dropped and lines that an editor wrapped (60 characters and more,
// text following) joined again: the newlines left are the author's. Throws std::runtime_error.
std::string readTrainingText(const std::filesystem::path& file);

// Up to `count` different words of the text, letters only, in order of first appearance of a thinned-out
// sample.
std::vector<std::string> sampleWords(const std::string& text, std::size_t count);

// A sentencepiece BPE model (serialised) of `vocabulary` pieces: <unk> 0, <s> 1, </s> 2, the 256 bytes, then
// what the text and lists of nouns and numbers are best spelt with. Throws std::runtime_error.
std::string trainTokenizer(const std::vector<std::string>& texts, int vocabulary, std::uint64_t seed);

struct Corpus {
    std::vector<int> training, heldOut;
};

// The last 2 % of each text are held out.
Corpus makeCorpus(const std::vector<std::string>& texts, const Tokenizer& tokenizer);

} // namespace fovea
