#include "core/tokenizer/normalizer.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <stdexcept>

#include "core/tokenizer/character_class.h"
#include "core/tokenizer/utf8.h"

namespace fovea {

namespace {

const icu::Normalizer2& instance(UnicodeForm form) {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* found = form == UnicodeForm::Nfc    ? icu::Normalizer2::getNFCInstance(status)
                                    : form == UnicodeForm::Nfkc ? icu::Normalizer2::getNFKCInstance(status)
                                    : form == UnicodeForm::Nfd  ? icu::Normalizer2::getNFDInstance(status)
                                                                : icu::Normalizer2::getNFKDInstance(status);
    if (U_FAILURE(status))
        throw std::runtime_error("ICU's normalization data is missing, install libicu again");
    return *found;
}

// Canonically the same, its marks in order: ICU sorts them by insertion, quadratic in a run that is absurdly
// long.
icu::UnicodeString ordered(const icu::UnicodeString& text) {
    const icu::Normalizer2& decomposing = instance(UnicodeForm::Nfd);
    std::u32string characters;
    for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
        icu::UnicodeString parts;
        if (!decomposing.getDecomposition(text.char32At(i), parts))
            parts = icu::UnicodeString(text.char32At(i));
        for (std::int32_t j = 0; j < parts.length(); j = parts.moveIndex32(j, 1))
            characters += static_cast<char32_t>(parts.char32At(j));
    }
    const auto rank = [](char32_t c) { return u_getCombiningClass(static_cast<UChar32>(c)); };
    for (auto run = characters.begin(); run != characters.end();) {
        const auto begin = std::find_if(run, characters.end(), [&](char32_t c) { return rank(c) != 0; });
        run = std::find_if(begin, characters.end(), [&](char32_t c) { return rank(c) == 0; });
        std::stable_sort(begin, run, [&](char32_t a, char32_t b) { return rank(a) < rank(b); });
    }
    return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(characters.data()),
                                         static_cast<std::int32_t>(characters.size()));
}

std::string normalized(const icu::Normalizer2& form, std::string_view text) {
    constexpr std::int32_t kLongRun = 256;
    UErrorCode status = U_ZERO_ERROR;
    auto wide =
        icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
    if (wide.length() > kLongRun)
        wide = ordered(wide);
    std::string out;
    form.normalize(wide, status).toUTF8String(out);
    if (U_FAILURE(status))
        throw std::runtime_error("a text could not be normalized, try a shorter one");
    return out;
}

// Appends `changed`, which stands for [begin, end) of `from`; as it was where it is the same.
void appendChanged(AlignedText& out, const AlignedText& from, std::size_t begin, std::size_t end,
                   std::string_view changed) {
    if (changed == from.view(begin, end))
        out.append(from, begin, end);
    else
        out.append(changed, from.origin(begin, end));
}

// One character at a time, as change(character's bytes) -> what to write instead.
template <class Change>
AlignedText eachCharacter(const AlignedText& from, Change change) {
    AlignedText out;
    out.reserve(from.size());
    for (std::size_t at = 0; at < from.size();) {
        const std::size_t end = at + characterLength(from.view(at, from.size()));
        appendChanged(out, from, at, end, change(from.view(at, end)));
        at = end;
    }
    return out;
}

std::string lowered(std::string_view character) {
    if (character.size() == 1) {
        const char c = character.front();
        return {c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c};
    }
    UErrorCode status = U_ZERO_ERROR;
    icu::UnicodeString wide(static_cast<UChar32>(firstCharacter(character).code));
    char16_t lower[8];
    const std::int32_t length = u_strToLower(lower, 8, wide.getBuffer(), wide.length(), "", &status);
    std::string out;
    icu::UnicodeString(lower, U_FAILURE(status) ? 0 : length).toUTF8String(out);
    return out;
}

} // namespace

AlignedText normalize(const Normalizer& steps, AlignedText text) {
    for (const NormalizerStep& step : steps)
        text = step(std::move(text));
    return text;
}

NormalizerStep unicodeForm(UnicodeForm form) {
    return [form](const AlignedText& from) {
        const icu::Normalizer2& normalizer = instance(form);
        AlignedText out;
        out.reserve(from.size());
        for (std::size_t begin = 0; begin < from.size();) {
            // Up to the next character that nothing before it can change.
            std::size_t end = begin + characterLength(from.view(begin, from.size()));
            while (end < from.size()) {
                const Utf8Character next = firstCharacter(from.view(end, from.size()));
                if (normalizer.hasBoundaryBefore(static_cast<UChar32>(next.code)))
                    break;
                end += next.length;
            }
            if (end == begin + 1)
                out.append(from, begin, end); // ASCII is every form of itself
            else
                appendChanged(out, from, begin, end, normalized(normalizer, from.view(begin, end)));
            begin = end;
        }
        return out;
    };
}

NormalizerStep lowercase() {
    return [](const AlignedText& from) { return eachCharacter(from, lowered); };
}

NormalizerStep stripBlanks(bool left, bool right) {
    return [left, right](AlignedText from) {
        std::size_t begin = 0, end = from.size();
        while (left && begin < end && isBlank(firstCharacter(from.view(begin, end)).code))
            begin += characterLength(from.view(begin, end));
        while (right && begin < end && isBlank(lastCharacter(from.view(begin, end)))) {
            do
                --end;
            while ((static_cast<unsigned char>(from.text()[end]) & 0xc0) == 0x80);
        }
        return begin == 0 && end == from.size() ? std::move(from) : from.slice(begin, end);
    };
}

NormalizerStep stripAccents() {
    return [](const AlignedText& from) {
        return eachCharacter(from, [](std::string_view c) {
            const auto code = static_cast<UChar32>(firstCharacter(c).code);
            return (U_GET_GC_MASK(code) & U_GC_M_MASK) != 0 ? std::string_view{} : c;
        });
    };
}

NormalizerStep prepend(std::string what) {
    return [what = std::move(what)](AlignedText from) {
        if (from.empty())
            return from;
        AlignedText out;
        out.reserve(what.size() + from.size());
        out.append(what, from.origin(0, 0));
        out.append(from, 0, from.size());
        return out;
    };
}

NormalizerStep replace(TextPattern pattern, std::string with) {
    return [pattern = std::move(pattern), with = std::move(with)](AlignedText from) {
        const std::vector<Range> found = pattern.find(from.text());
        if (found.empty())
            return from;
        AlignedText out;
        out.reserve(from.size());
        std::size_t at = 0;
        for (const Range& match : found) {
            out.append(from, at, match.begin);
            out.append(with, from.origin(match.begin, match.end));
            at = match.end;
        }
        out.append(from, at, from.size());
        return out;
    };
}

NormalizerStep spellBytes() {
    return [](const AlignedText& from) {
        AlignedText out;
        out.reserve(from.size());
        std::string letter;
        for (std::size_t i = 0; i < from.size(); ++i) {
            letter.clear();
            appendUtf8(letter, byteLetters()[static_cast<unsigned char>(from.text()[i])]);
            appendChanged(out, from, i, i + 1, letter);
        }
        return out;
    };
}

} // namespace fovea
