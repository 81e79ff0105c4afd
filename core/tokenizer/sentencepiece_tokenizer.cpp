#include "core/tokenizer/sentencepiece_tokenizer.h"

#include <bit>
#include <cmath>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/tokenizer/bpe.h"
#include "core/tokenizer/wire_format.h"

namespace fovea {

namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81"; // U+2581, how sentencepiece spells a space
// Real vocabularies of this kind are below 10 MB; a larger file is not one.
constexpr std::uint64_t kLargestFile = 256u << 20;
constexpr std::string_view kAdvice = "; copy the model's tokenizer.model again";

// sentencepiece_model.proto, the parts that bear on Llama's vocabularies.
enum PieceType : std::uint64_t {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6
};
constexpr std::uint64_t kBpe = 2;

struct File {
    std::vector<BpeVocabulary::Piece> pieces;
    std::vector<std::uint64_t> types;
    std::uint64_t modelType = 1; // unigram where the file does not say
    int unknown = 0, bos = 1, eos = 2;
    bool dummyPrefix = true, squeezeSpaces = true, escapeSpaces = true, spaceAsSuffix = false,
         normalises = false;
};

class Parser {
public:
    explicit Parser(const std::string& name) : m_name(name) {}

    File parse(std::string_view bytes) {
        WireReader reader(bytes);
        while (const auto field = reader.next()) {
            if (field->number == 1)
                piece(field->bytes);
            else if (field->number == 2)
                trainer(field->bytes);
            else if (field->number == 3)
                normaliser(field->bytes);
        }
        require(!reader.broken() && m_file.pieces.size() >= 3, "not a sentencepiece model");
        check();
        return std::move(m_file);
    }

private:
    [[noreturn]] void refuse(const std::string& what) const { throw CheckpointError(m_name + ": " + what); }
    void require(bool holds, const std::string& what) const {
        if (!holds)
            refuse(what + std::string(kAdvice));
    }

    void piece(std::string_view bytes) {
        WireReader reader(bytes);
        BpeVocabulary::Piece piece;
        std::uint64_t type = Normal;
        while (const auto field = reader.next()) {
            if (field->number == 1)
                piece.text = field->bytes;
            else if (field->number == 2)
                piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field->value));
            else if (field->number == 3)
                type = field->value;
        }
        const std::string where = "piece " + std::to_string(m_file.pieces.size());
        require(!reader.broken() && type >= Normal && type <= Byte, where + " is broken");
        require(std::isfinite(piece.score), where + " has a score that is not a number");
        require(type != Byte || bytePieceValue(piece.text) >= 0, where + " is a byte of no value");
        piece.spells = type == Normal || type == UserDefined || type == Unused;
        piece.whole = type == UserDefined;
        m_file.pieces.push_back(std::move(piece));
        m_file.types.push_back(type);
    }

    void trainer(std::string_view bytes) {
        WireReader reader(bytes);
        while (const auto field = reader.next()) {
            switch (field->number) {
            case 3:
                m_file.modelType = field->value;
                break;
            case 24:
                m_file.spaceAsSuffix = field->value != 0;
                break;
            case 40:
                m_file.unknown = static_cast<int>(field->value);
                break;
            case 41:
                m_file.bos = static_cast<int>(field->value);
                break;
            case 42:
                m_file.eos = static_cast<int>(field->value);
                break;
            default:
                break;
            }
        }
        require(!reader.broken(), "its trainer's settings are broken");
    }

    void normaliser(std::string_view bytes) {
        WireReader reader(bytes);
        while (const auto field = reader.next()) {
            switch (field->number) {
            case 2:
                m_file.normalises = !field->bytes.empty();
                break;
            case 3:
                m_file.dummyPrefix = field->value != 0;
                break;
            case 4:
                m_file.squeezeSpaces = field->value != 0;
                break;
            case 5:
                m_file.escapeSpaces = field->value != 0;
                break;
            default:
                break;
            }
        }
        require(!reader.broken(), "its normaliser's settings are broken");
    }

    void check() const {
        if (m_file.modelType != kBpe)
            refuse("a sentencepiece model that is not BPE; only BPE vocabularies, as Llama's, are read");
        if (m_file.normalises || m_file.spaceAsSuffix || !m_file.escapeSpaces)
            refuse("it normalises text in a way that is not supported; only Llama's (identity) is");
        const auto within = [&](int id) { return id >= -1 && id < static_cast<int>(m_file.pieces.size()); };
        require(within(m_file.bos) && within(m_file.eos) && within(m_file.unknown) && m_file.unknown >= 0,
                "its special tokens lie outside the vocabulary");
    }

    const std::string& m_name;
    File m_file;
};

std::array<int, 256> bytePieces(const File& file) {
    std::array<int, 256> bytes;
    bytes.fill(-1);
    for (std::size_t i = 0; i < file.pieces.size(); ++i)
        if (file.types[i] == Byte)
            bytes[static_cast<std::size_t>(bytePieceValue(file.pieces[i].text))] = static_cast<int>(i);
    return bytes;
}

class SentencepieceTokenizer final : public Tokenizer {
public:
    explicit SentencepieceTokenizer(File file)
        : m_types(file.types), m_bos(file.bos), m_eos(file.eos), m_dummyPrefix(file.dummyPrefix),
          m_squeeze(file.squeezeSpaces), m_bpe(std::move(file.pieces), bytePieces(file), file.unknown) {}

    std::vector<int> encode(std::string_view text, bool withBos) const override {
        std::vector<int> ids = m_bpe.encode(spelt(text));
        if (withBos && m_bos >= 0)
            ids.insert(ids.begin(), m_bos);
        return ids;
    }

    std::string piece(int previous, int token) const override {
        if (token < 0 || token >= vocabulary())
            return {};
        const std::string& raw = m_bpe.text(token);
        switch (m_types[static_cast<std::size_t>(token)]) {
        case Control:
            return {};
        case Unknown:
            return " \xe2\x81\x87 "; // sentencepiece's own spelling of what it does not know
        case Byte:
            return std::string(1, static_cast<char>(bytePieceValue(raw)));
        default:
            break;
        }
        std::string text;
        for (std::size_t at = 0; at < raw.size();) {
            const bool space = raw.compare(at, kSpace.size(), kSpace) == 0;
            text += space ? ' ' : raw[at];
            at += space ? kSpace.size() : 1;
        }
        // The space in front of the first word is the encoder's own addition.
        if (m_dummyPrefix && (previous < 0 || previous == m_bos) && !text.empty() && text.front() == ' ')
            text.erase(0, 1);
        return text;
    }

    int vocabulary() const override { return m_bpe.size(); }
    int bos() const override { return m_bos; }
    int eos() const override { return m_eos; }

private:
    // Spaces written as U+2581, one more in front.
    std::string spelt(std::string_view text) const {
        if (m_squeeze) {
            while (!text.empty() && text.front() == ' ')
                text.remove_prefix(1);
            while (!text.empty() && text.back() == ' ')
                text.remove_suffix(1);
        }
        std::string out;
        if (m_dummyPrefix && !text.empty())
            out += kSpace;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != ' ')
                out += text[i];
            else if (!m_squeeze || text[i - 1] != ' ')
                out += kSpace;
        }
        return out;
    }

    std::vector<std::uint64_t> m_types;
    int m_bos, m_eos;
    bool m_dummyPrefix, m_squeeze;
    BpeVocabulary m_bpe;
};

} // namespace

std::shared_ptr<const Tokenizer> readSentencepiece(const std::filesystem::path& file) {
    return parseSentencepiece(readFile(file, kLargestFile), file.string());
}

std::shared_ptr<const Tokenizer> parseSentencepiece(const std::string& bytes, const std::string& name) {
    return std::make_shared<SentencepieceTokenizer>(Parser(name).parse(bytes));
}

} // namespace fovea
