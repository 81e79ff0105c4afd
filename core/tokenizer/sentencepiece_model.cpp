#include "core/tokenizer/sentencepiece_model.h"

#include <bit>
#include <cmath>

#include "core/model/checkpoint_error.h"
#include "core/tokenizer/wire_format.h"

namespace fovea {

namespace {

constexpr std::string_view kAdvice = "; copy the model's tokenizer.model again";

class Parser {
public:
    explicit Parser(const std::string& name) : m_name(name) {}

    SentencepieceModel parse(std::string_view bytes) {
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
        ScoredPiece piece;
        std::uint64_t number = 1;
        while (const auto field = reader.next()) {
            if (field->number == 1)
                piece.text = field->bytes;
            else if (field->number == 2)
                piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field->value));
            else if (field->number == 3)
                number = field->value;
        }
        const std::string where = "piece " + std::to_string(m_file.pieces.size());
        require(!reader.broken() && number >= 1 && number <= 6, where + " is broken");
        require(std::isfinite(piece.score), where + " has a score that is not a number");
        const auto type = static_cast<SentencepieceType>(number);
        require(type != SentencepieceType::Byte || bytePieceValue(piece.text) >= 0,
                where + " is a byte of no value");
        piece.spells = type == SentencepieceType::Normal || type == SentencepieceType::UserDefined ||
                       type == SentencepieceType::Unused;
        piece.whole = type == SentencepieceType::UserDefined;
        piece.unused = type == SentencepieceType::Unused;
        m_file.pieces.push_back(std::move(piece));
        m_file.types.push_back(type);
    }

    void trainer(std::string_view bytes) {
        WireReader reader(bytes);
        while (const auto field = reader.next()) {
            switch (field->number) {
            case 3:
                m_algorithm = field->value;
                break;
            case 24:
                m_spaceAsSuffix = field->value != 0;
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
                m_file.charsmap = field->bytes.empty() ? std::nullopt : Charsmap::parse(field->bytes);
                require(field->bytes.empty() || m_file.charsmap, "its table of characters is broken");
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

    void check() {
        if (m_algorithm != 1 && m_algorithm != 2)
            refuse(std::string("a sentencepiece model of the kind \"") +
                   (m_algorithm == 3   ? "word"
                    : m_algorithm == 4 ? "char"
                                       : "unknown") +
                   "\"; BPE and unigram models are read");
        m_file.algorithm = static_cast<SentencepieceModel::Algorithm>(m_algorithm);
        if (m_spaceAsSuffix)
            refuse("it writes spaces behind words (treat_whitespace_as_suffix), which is not supported; name "
                   "another tokenizer");
        const auto within = [&](int id) { return id >= -1 && id < static_cast<int>(m_file.pieces.size()); };
        require(within(m_file.bos) && within(m_file.eos) && within(m_file.unknown) && m_file.unknown >= 0,
                "its special tokens lie outside the vocabulary");
    }

    const std::string& m_name;
    SentencepieceModel m_file;
    std::uint64_t m_algorithm = 1; // unigram where the file does not say
    bool m_spaceAsSuffix = false;
};

} // namespace

SentencepieceModel parseSentencepieceModel(std::string_view bytes, const std::string& name) {
    return Parser(name).parse(bytes);
}

ByteFallback byteFallback(const std::vector<ScoredPiece>& pieces, const std::vector<SentencepieceType>& types,
                          int unknown) {
    ByteFallback fallback;
    fallback.bytes.fill(-1);
    for (std::size_t i = 0; i < pieces.size(); ++i)
        if (types[i] == SentencepieceType::Byte)
            fallback.bytes[static_cast<std::size_t>(bytePieceValue(pieces[i].text))] = static_cast<int>(i);
    fallback.unknown = unknown;
    fallback.fuseUnknown = true;
    return fallback;
}

} // namespace fovea
