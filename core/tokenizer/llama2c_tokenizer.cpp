#include "core/tokenizer/llama2c_tokenizer.h"

#include <cmath>
#include <cstring>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/tokenizer/pipeline_tokenizer.h"
#include "core/tokenizer/scored_bpe.h"

namespace fovea {

namespace {

constexpr std::uint64_t kLargestFile = 64u << 20;
constexpr int kBos = 1, kEos = 2, kFirstByte = 3;

std::vector<ScoredPiece> parse(const std::string& bytes, const std::string& name) {
    const auto refuse = [&](const std::string& what) { throw CheckpointError(name + ": " + what); };
    std::size_t at = 0;
    const auto take = [&](void* to, std::size_t count) {
        if (count > bytes.size() - at)
            return false;
        std::memcpy(to, bytes.data() + at, count);
        at += count;
        return true;
    };
    std::uint32_t longest = 0;
    if (!take(&longest, sizeof longest))
        refuse("too short for a llama2.c tokenizer; copy the file again");
    std::vector<ScoredPiece> pieces;
    while (at < bytes.size()) {
        ScoredPiece piece;
        std::int32_t length = 0;
        const std::string where = "piece " + std::to_string(pieces.size());
        float score = 0;
        if (!take(&score, sizeof score) || !take(&length, sizeof length))
            refuse(where + " is cut off; copy the file again");
        if (length < 0 || static_cast<std::uint32_t>(length) > longest ||
            static_cast<std::size_t>(length) > bytes.size() - at)
            refuse(where + " claims " + std::to_string(length) +
                   " bytes; not a llama2.c tokenizer, or a damaged one");
        if (!std::isfinite(score))
            refuse(where + " has a score that is no number; copy the file again");
        piece.score = score;
        piece.text.assign(bytes, at, static_cast<std::size_t>(length));
        at += static_cast<std::size_t>(length);
        // Unlike sentencepiece's file this one does not mark control and byte pieces; their spelling does.
        piece.spells = pieces.size() >= kFirstByte && bytePieceValue(piece.text) < 0;
        pieces.push_back(std::move(piece));
    }
    if (pieces.size() < kFirstByte)
        refuse("holds no pieces; not a llama2.c tokenizer, or a damaged one");
    return pieces;
}

ByteFallback byteFallback(std::size_t pieces) {
    ByteFallback fallback;
    for (std::size_t byte = 0; byte < 256; ++byte)
        fallback.bytes[byte] = byte + kFirstByte < pieces ? static_cast<int>(byte + kFirstByte) : 0;
    return fallback;
}

} // namespace

std::shared_ptr<const Tokenizer> readLlama2cTokenizer(const std::filesystem::path& file) {
    return parseLlama2cTokenizer(readFile(file, kLargestFile), file.string());
}

std::shared_ptr<const Tokenizer> parseLlama2cTokenizer(const std::string& bytes, const std::string& name) {
    std::vector<ScoredPiece> pieces = parse(bytes, name);
    TokenizerParts parts;
    for (const ScoredPiece& piece : pieces)
        parts.names.push_back(piece.text);
    parts.special = {false, true, true};
    // Their spelling in the file, "\n<s>\n", is not what anybody writes.
    parts.added = AddedTokens(
        {{.id = kBos, .text = "<s>", .special = true}, {.id = kEos, .text = "</s>", .special = true}});
    parts.normalizer = {prepend(" ")}; // the first word gets a space like every other
    parts.decoder = {stripPiece(" ", 1, 0, true), bytePiecesToBytes()};
    parts.specials = {kBos, kEos, true, {kEos}};
    parts.repairsText = false; // bytes that are no UTF-8 are spelt by byte pieces
    const ByteFallback fallback = byteFallback(pieces.size());
    parts.model = std::make_unique<ScoredBpe>(std::move(pieces), fallback);
    return makeTokenizer(std::move(parts));
}

} // namespace fovea
