#include "core/tokenizer/piece_decoder.h"

#include "core/tokenizer/segmentation.h"
#include "core/tokenizer/utf8.h"

namespace fovea {

std::string decodePiece(const PieceDecoder& steps, std::string piece, bool first) {
    for (const DecoderStep& step : steps)
        piece = step(std::move(piece), first);
    return piece;
}

DecoderStep lettersToBytes() {
    return [](std::string piece, bool) {
        std::string bytes;
        for (std::string_view rest = piece; !rest.empty();) {
            const Utf8Character letter = firstCharacter(rest);
            const int byte = letter.valid ? byteOfLetter(letter.code) : -1;
            if (byte < 0)
                return piece;
            bytes += static_cast<char>(byte);
            rest.remove_prefix(letter.length);
        }
        return bytes;
    };
}

DecoderStep bytePiecesToBytes() {
    return [](std::string piece, bool) {
        const int byte = bytePieceValue(piece);
        return byte < 0 ? std::move(piece) : std::string(1, static_cast<char>(byte));
    };
}

DecoderStep metaspaceToBlanks(std::string space, bool dropFirst) {
    return [space = std::move(space), dropFirst](const std::string& piece, bool first) {
        std::string text;
        for (std::size_t at = 0; at < piece.size();) {
            const bool blank = piece.compare(at, space.size(), space) == 0;
            if (!blank)
                text += piece[at];
            else if (at > 0 || !first || !dropFirst)
                text += ' ';
            at += blank ? space.size() : 1;
        }
        return text;
    };
}

DecoderStep replaceInPiece(TextPattern pattern, std::string with) {
    return [pattern = std::move(pattern), with = std::move(with)](std::string piece, bool) {
        std::string text;
        std::size_t at = 0;
        for (const Range& match : pattern.find(piece)) {
            text.append(piece, at, match.begin - at).append(with);
            at = match.end;
        }
        return text.append(piece, at);
    };
}

DecoderStep stripPiece(std::string character, std::size_t start, std::size_t stop, bool firstOnly) {
    return [character = std::move(character), start, stop, firstOnly](std::string piece, bool first) {
        if (firstOnly && !first)
            return piece;
        std::string_view rest = piece;
        for (std::size_t i = 0; i < start && rest.starts_with(character); ++i)
            rest.remove_prefix(character.size());
        for (std::size_t i = 0; i < stop && rest.ends_with(character); ++i)
            rest.remove_suffix(character.size());
        return std::string(rest);
    };
}

} // namespace fovea
