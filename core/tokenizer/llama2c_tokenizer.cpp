#include "core/tokenizer/llama2c_tokenizer.h"

#include <array>
#include <cmath>
#include <cstring>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/tokenizer/bpe.h"

namespace fovea {

namespace {

constexpr std::uint64_t kLargestFile = 64u << 20;
constexpr int kBos = 1, kEos = 2, kFirstByte = 3;

std::vector<BpeVocabulary::Piece> parse(const std::filesystem::path& file, const std::string& bytes,
                                        int vocabulary) {
    const auto refuse = [&](const std::string& what) { throw CheckpointError(file.string() + ": " + what); };
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
    std::vector<BpeVocabulary::Piece> pieces;
    while (at < bytes.size()) {
        BpeVocabulary::Piece piece;
        std::int32_t length = 0;
        const std::string where = "piece " + std::to_string(pieces.size());
        if (!take(&piece.score, sizeof piece.score) || !take(&length, sizeof length))
            refuse(where + " is cut off; copy the file again");
        if (length < 0 || static_cast<std::uint32_t>(length) > longest ||
            static_cast<std::size_t>(length) > bytes.size() - at)
            refuse(where + " claims " + std::to_string(length) +
                   " bytes; not a llama2.c tokenizer, or a damaged one");
        if (!std::isfinite(piece.score))
            refuse(where + " has a score that is no number; copy the file again");
        piece.text.assign(bytes, at, static_cast<std::size_t>(length));
        at += static_cast<std::size_t>(length);
        // Unlike sentencepiece's file this one does not mark control and byte pieces; their spelling does.
        piece.spells = pieces.size() >= kFirstByte && bytePieceValue(piece.text) < 0;
        pieces.push_back(std::move(piece));
    }
    if (static_cast<int>(pieces.size()) != vocabulary)
        refuse("holds " + std::to_string(pieces.size()) + " pieces where the model has " +
               std::to_string(vocabulary) + "; name the model's own tokenizer");
    return pieces;
}

std::array<int, 256> bytePieces(const std::vector<BpeVocabulary::Piece>& pieces) {
    std::array<int, 256> ids;
    for (int byte = 0; byte < 256; ++byte)
        ids[static_cast<std::size_t>(byte)] =
            byte + kFirstByte < static_cast<int>(pieces.size()) ? byte + kFirstByte : 0;
    return ids;
}

class Llama2cTokenizer final : public Tokenizer {
public:
    Llama2cTokenizer(std::vector<BpeVocabulary::Piece> pieces, const std::array<int, 256>& bytes)
        : m_bpe(std::move(pieces), bytes, 0) {}

    std::vector<int> encode(std::string_view text, bool withBos) const override {
        std::vector<int> ids;
        if (withBos)
            ids.push_back(kBos);
        // The first word gets a space like every other.
        if (text.empty())
            return ids;
        const std::vector<int> rest = m_bpe.encode(std::string(" ").append(text));
        ids.insert(ids.end(), rest.begin(), rest.end());
        return ids;
    }

    std::string piece(int previous, int token) const override {
        if (token < 0 || token >= vocabulary() || token == kBos || token == kEos)
            return {};
        const std::string& text = m_bpe.text(token);
        if (const int byte = bytePieceValue(text); byte >= 0)
            return std::string(1, static_cast<char>(byte));
        const bool first = previous < 0 || previous == kBos;
        return first && !text.empty() && text.front() == ' ' ? text.substr(1) : text;
    }

    int vocabulary() const override { return m_bpe.size(); }
    int bos() const override { return kBos; }
    int eos() const override { return kEos; }

private:
    BpeVocabulary m_bpe;
};

} // namespace

std::shared_ptr<const Tokenizer> readLlama2cTokenizer(const std::filesystem::path& file, int vocabulary) {
    auto pieces = parse(file, readFile(file, kLargestFile), vocabulary);
    const auto bytes = bytePieces(pieces);
    return std::make_shared<Llama2cTokenizer>(std::move(pieces), bytes);
}

} // namespace fovea
