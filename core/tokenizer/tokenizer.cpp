#include "core/tokenizer/tokenizer.h"

#include <algorithm>
#include <system_error>

#include "core/model/checkpoint_error.h"
#include "core/tokenizer/llama2c_tokenizer.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"

namespace fovea {

namespace {

using Path = std::filesystem::path;

std::shared_ptr<const Tokenizer> readTokenizer(const Path& file, int vocabulary) {
    if (file.extension() == ".bin")
        return readLlama2cTokenizer(file, vocabulary);
    if (file.extension() == ".json")
        throw CheckpointError(file.string() +
                              ": tokenizer.json is not supported; name a sentencepiece tokenizer.model");
    auto tokenizer = readSentencepiece(file);
    if (tokenizer->vocabulary() != vocabulary)
        throw CheckpointError(file.string() + ": holds " + std::to_string(tokenizer->vocabulary()) +
                              " pieces where the model has " + std::to_string(vocabulary) +
                              "; name the model's own tokenizer");
    return tokenizer;
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
    // A folder may hold several models with a tokenizer each: take the one that fits, else tell the first
    // one's error.
    for (const Path& file : files) {
        try {
            return readTokenizer(file, vocabulary);
        } catch (const CheckpointError&) {
        }
    }
    return readTokenizer(files.front(), vocabulary);
}

} // namespace

std::string Tokenizer::decode(const std::vector<int>& tokens) const {
    std::string text;
    int previous = -1;
    for (const int token : tokens) {
        text += piece(previous, token);
        previous = token;
    }
    return text;
}

std::shared_ptr<const Tokenizer> loadTokenizer(const Path& model, const Path& tokenizer, int vocabulary) {
    std::error_code error;
    if (!tokenizer.empty())
        return readTokenizer(std::filesystem::is_directory(tokenizer, error) ? tokenizer / "tokenizer.model"
                                                                             : tokenizer,
                             vocabulary);
    if (!std::filesystem::is_directory(model, error))
        return besideFile(model, vocabulary);
    if (!std::filesystem::exists(model / "tokenizer.model", error))
        throw CheckpointError(
            model.string() + ": no tokenizer.model in it; copy the model's own or name one with --tokenizer");
    return readTokenizer(model / "tokenizer.model", vocabulary);
}

} // namespace fovea
