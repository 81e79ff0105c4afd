#include "core/model/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include "core/model/checked_file.h"
#include "core/model/model.h"

namespace fovea {

namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81";  // U+2581, how sentencepiece spells a space
// Real vocabularies of this kind are below 10 MB; a larger file is not one.
constexpr std::uint64_t kLargestVocabulary = 256u << 20;

// "<0xAB>" -> the byte.
std::string byteOf(const std::string& piece) {
    return std::string(1, static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16)));
}

class SentencepieceTokenizer final : public Tokenizer {
public:
    SentencepieceTokenizer(const std::string& bytes, const std::string& name) {
        if (bytes.empty() || !m_processor.LoadFromSerializedProto(bytes).ok() || m_processor.GetPieceSize() < 3)
            throw CheckpointError(name + ": not a sentencepiece model; copy tokenizer.model again");
    }

    std::vector<int> encode(std::string_view text, bool withBos) const override {
        std::vector<int> ids;
        const auto status = m_processor.Encode(absl::string_view(text.data(), text.size()), &ids);
        if (!status.ok())
            throw CheckpointError("tokenizer: cannot encode the text: " + std::string(status.message()));
        if (withBos && bos() >= 0)
            ids.insert(ids.begin(), bos());
        return ids;
    }

    std::string piece(int previous, int token) const override {
        if (token < 0 || token >= vocabulary() || m_processor.IsControl(token))
            return {};
        const std::string& raw = m_processor.IdToPiece(token);
        if (m_processor.IsByte(token))
            return byteOf(raw);
        if (m_processor.IsUnknown(token))
            return " \xe2\x81\x87 ";  // sentencepiece's own spelling of an unknown piece
        std::string text;
        for (std::size_t at = 0; at < raw.size();) {
            const bool space = raw.compare(at, kSpace.size(), kSpace) == 0;
            text += space ? ' ' : raw[at];
            at += space ? kSpace.size() : 1;
        }
        // The space in front of the first word is sentencepiece's own addition.
        if ((previous < 0 || previous == bos()) && !text.empty() && text.front() == ' ')
            text.erase(0, 1);
        return text;
    }

    int vocabulary() const override { return m_processor.GetPieceSize(); }
    int bos() const override { return m_processor.bos_id(); }
    int eos() const override { return m_processor.eos_id(); }

private:
    sentencepiece::SentencePieceProcessor m_processor;
};

}  // namespace

std::shared_ptr<const Tokenizer> readSentencepiece(const std::filesystem::path& file) {
    return parseSentencepiece(readFile(file, kLargestVocabulary), file.string());
}

std::shared_ptr<const Tokenizer> parseSentencepiece(const std::string& bytes, const std::string& name) {
    return std::make_shared<SentencepieceTokenizer>(bytes, name);
}

}  // namespace fovea
