#include <algorithm>
#include <system_error>

#include "core/model/checkpoint_error.h"
#include "core/model/gguf.h"
#include "core/tokenizer/gguf_vocabulary.h"
#include "core/tokenizer/llama2c_tokenizer.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"
#include "core/tokenizer/tokenizer.h"
#include "core/tokenizer/tokenizer_json.h"
#include "core/tokenizer/vocabulary_and_merges.h"

namespace fovea {

namespace {

using Path = std::filesystem::path;

// Rows that a model's embedding may have beyond the tokenizer's ids: the vocabulary rounded up for the
// hardware's sake, by at most this much and a quarter of itself.
constexpr int kMostPadding = 1024;

bool fits(int pieces, int vocabulary) {
    return vocabulary <= 0 || (pieces <= vocabulary && vocabulary - pieces < kMostPadding &&
                               vocabulary - pieces <= vocabulary / 4);
}

std::shared_ptr<const Tokenizer> readAny(const Path& file) {
    if (file.extension() == ".bin")
        return readLlama2cTokenizer(file);
    if (file.extension() == ".json")
        return readTokenizerJson(file);
    if (isGguf(file))
        return readGgufVocabulary(file);
    return readSentencepiece(file);
}

std::shared_ptr<const Tokenizer> fitting(std::shared_ptr<const Tokenizer> tokenizer, const Path& file,
                                         int vocabulary) {
    if (!fits(tokenizer->vocabulary(), vocabulary))
        throw CheckpointError(file.string() + ": holds " + std::to_string(tokenizer->vocabulary()) +
                              " pieces where the model has " + std::to_string(vocabulary) +
                              "; name the model's own tokenizer");
    return tokenizer;
}

std::shared_ptr<const Tokenizer> readFitting(const Path& file, int vocabulary) {
    return fitting(readAny(file), file, vocabulary);
}

// tok*.bin beside a llama2.c file, tokenizer.bin first.
std::vector<Path> candidates(const Path& folder) {
    std::vector<Path> found;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder.empty() ? Path(".") : folder, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("tok") && name.ends_with(".bin"))
            found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end(), [](const Path& a, const Path& b) {
        const bool plainA = a.filename() == "tokenizer.bin", plainB = b.filename() == "tokenizer.bin";
        return plainA != plainB ? plainA : a < b;
    });
    return found;
}

std::shared_ptr<const Tokenizer> besideFile(const Path& model, int vocabulary) {
    const std::vector<Path> files = candidates(model.parent_path());
    if (files.empty())
        throw CheckpointError(
            model.string() +
            ": no tokenizer beside it (tokenizer.bin or tok*.bin); name one with --tokenizer");
    // A folder may hold several models with a tokenizer each: take the one that fits, exactly rather than
    // padded, else tell the first one's error.
    std::shared_ptr<const Tokenizer> best;
    for (const Path& file : files) {
        try {
            auto tokenizer = readFitting(file, vocabulary);
            if (!best || (tokenizer->vocabulary() == vocabulary && best->vocabulary() != vocabulary))
                best = std::move(tokenizer);
        } catch (const CheckpointError&) {
        }
    }
    return best ? best : readFitting(files.front(), vocabulary);
}

// The tokenizer in a folder; tokenizer.json first, as the library of the format's maker does.
std::shared_ptr<const Tokenizer> inFolder(const Path& folder, int vocabulary) {
    std::error_code error;
    for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer.bin"})
        if (std::filesystem::exists(folder / name, error))
            return readFitting(folder / name, vocabulary);
    if (hasVocabularyAndMerges(folder))
        return fitting(readVocabularyAndMerges(folder), folder / "vocab.json", vocabulary);
    throw CheckpointError(
        folder.string() +
        ": no tokenizer.json and no tokenizer.model in it; copy the model's own or name one "
        "with --tokenizer");
}

} // namespace

std::shared_ptr<const Tokenizer> loadTokenizer(const Path& model, const Path& tokenizer, int vocabulary) {
    std::error_code error;
    const Path& named = tokenizer.empty() ? model : tokenizer;
    if (std::filesystem::is_directory(named, error))
        return inFolder(named, vocabulary);
    return tokenizer.empty() && !isGguf(model) ? besideFile(model, vocabulary)
                                               : readFitting(named, vocabulary);
}

} // namespace fovea
