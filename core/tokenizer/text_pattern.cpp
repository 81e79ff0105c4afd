#include "core/tokenizer/text_pattern.h"

#include <unicode/regex.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/model/checkpoint_error.h"
#include "core/model/quoted_name.h"
#include "core/tokenizer/utf8.h"

namespace fovea {

struct TextPattern::Regex {
    std::unique_ptr<icu::RegexPattern> pattern;
};

namespace {

using Clock = std::chrono::steady_clock;

// ICU's own unit, about a millisecond of one search; and bytes of its backtracking stack.
constexpr std::int32_t kSearchLimit = 2000;
constexpr std::int32_t kStackLimit = 64 << 20;
constexpr std::size_t kLongestExpression = 64 << 10;

[[noreturn]] void refuse(std::string_view expression, const std::string& what) {
    throw CheckpointError("the pattern " + quotedName(expression) + ' ' + what);
}

// What Oniguruma and ICU do not agree upon, spelt out: ICU's \w takes in joiners, its \h is a blank and not a
// digit, its \b lets marks belong to what they stand on, its [:punct:] leaves out symbols.
std::string_view speltOut(char escaped, bool inClass) {
    switch (escaped) {
    case 'w':
        return R"([\p{L}\p{M}\p{Nd}\p{Pc}])";
    case 'W':
        return R"([^\p{L}\p{M}\p{Nd}\p{Pc}])";
    case 'h':
        return "[0-9a-fA-F]";
    case 'H':
        return "[^0-9a-fA-F]";
    case 'b': // in a class it is a backspace
        return inClass ? R"(\x08)"
                       : R"((?:(?<=[\p{L}\p{M}\p{Nd}\p{Pc}])(?![\p{L}\p{M}\p{Nd}\p{Pc}])|)"
                         R"((?<![\p{L}\p{M}\p{Nd}\p{Pc}])(?=[\p{L}\p{M}\p{Nd}\p{Pc}])))";
    case 'B':
        return R"((?:(?<=[\p{L}\p{M}\p{Nd}\p{Pc}])(?=[\p{L}\p{M}\p{Nd}\p{Pc}])|)"
               R"((?<![\p{L}\p{M}\p{Nd}\p{Pc}])(?![\p{L}\p{M}\p{Nd}\p{Pc}])))";
    default:
        return {};
    }
}

std::string inIcuDialect(std::string_view expression) {
    constexpr std::string_view kPunctuation = "[:punct:]";
    std::string out;
    int classes = 0; // that this place is in
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        if (c == '\\' && i + 1 < expression.size()) {
            const std::string_view spelt = speltOut(expression[++i], classes > 0);
            spelt.empty() ? out.append({c, expression[i]}) : out.append(spelt);
        } else if (expression.substr(i).starts_with(kPunctuation)) {
            out += R"([\p{P}\p{S}])";
            i += kPunctuation.size() - 1;
        } else {
            classes += c == '[' ? 1 : c == ']' && classes > 0 ? -1 : 0;
            out += c;
        }
    }
    return out;
}

// UTF-16 for ICU, and the byte at which each of its units begins.
struct Utf16 {
    std::u16string units;
    std::vector<std::uint32_t> bytes;

    explicit Utf16(std::string_view text) {
        units.reserve(text.size());
        bytes.reserve(text.size() + 1);
        for (std::size_t at = 0; at < text.size();) {
            const Utf8Character character = firstCharacter(text.substr(at));
            bytes.push_back(static_cast<std::uint32_t>(at));
            if (character.code < 0x10000) {
                units += static_cast<char16_t>(character.code);
            } else {
                units += static_cast<char16_t>(0xd7c0 + (character.code >> 10));
                units += static_cast<char16_t>(0xdc00 + (character.code & 0x3ff));
                bytes.push_back(static_cast<std::uint32_t>(at));
            }
            at += character.length;
        }
        bytes.push_back(static_cast<std::uint32_t>(text.size()));
    }
    std::int64_t unitAt(std::size_t byte) const {
        return std::lower_bound(bytes.begin(), bytes.end(), byte) - bytes.begin();
    }
};

std::vector<std::vector<Range>> findLiteral(const std::string& wanted, std::string_view text,
                                            std::span<const Range> pieces) {
    std::vector<std::vector<Range>> found(pieces.size());
    if (wanted.empty())
        return found;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const std::string_view piece = text.substr(0, pieces[i].end);
        for (std::size_t at = pieces[i].begin; (at = piece.find(wanted, at)) != piece.npos;
             at += wanted.size())
            found[i].push_back({at, at + wanted.size()});
    }
    return found;
}

} // namespace

TextPattern TextPattern::literal(std::string text) {
    TextPattern made;
    made.m_text = std::move(text);
    return made;
}

TextPattern TextPattern::regex(std::string_view expression) {
    if (expression.size() > kLongestExpression)
        refuse(expression, "is too long to be one; copy the file again");
    UErrorCode status = U_ZERO_ERROR;
    UParseError where;
    const std::string dialect = inIcuDialect(expression);
    const auto source = icu::UnicodeString::fromUTF8(
        icu::StringPiece(dialect.data(), static_cast<std::int32_t>(dialect.size())));
    // As Oniguruma: ^ and $ at every line, and a line ends with \n alone.
    auto regex = std::make_shared<Regex>();
    regex->pattern.reset(
        icu::RegexPattern::compile(source, UREGEX_MULTILINE | UREGEX_UNIX_LINES, where, status));
    if (U_FAILURE(status))
        refuse(expression, "is not understood (" + std::string(u_errorName(status)) +
                               "); this tokenizer cannot be read exactly");
    TextPattern made;
    made.m_text = expression;
    made.m_regex = std::move(regex);
    return made;
}

std::vector<std::vector<Range>> TextPattern::find(std::string_view text,
                                                  std::span<const Range> pieces) const {
    if (!m_regex)
        return findLiteral(m_text, text, pieces);
    const Utf16 wide(text);
    const icu::UnicodeString subject(false, wide.units.data(), static_cast<std::int32_t>(wide.units.size()));
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<icu::RegexMatcher> matcher(m_regex->pattern->matcher(subject, status));
    if (U_FAILURE(status))
        refuse(m_text, "cannot be looked for; try a shorter text");
    matcher->setTimeLimit(kSearchLimit, status);
    matcher->setStackLimit(kStackLimit, status);
    // One search may not take long, nor may all of them: ten seconds and ten more per MiB is far beyond what
    // an honest expression needs.
    const auto deadline = Clock::now() + std::chrono::seconds(10) * (1 + text.size() / (1 << 20));
    std::vector<std::vector<Range>> found(pieces.size());
    std::size_t searches = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        matcher->region(wide.unitAt(pieces[i].begin), wide.unitAt(pieces[i].end), status);
        while (U_SUCCESS(status) && matcher->find(status)) {
            const std::int64_t begin = matcher->start64(status), end = matcher->end64(status);
            found[i].push_back(
                {wide.bytes[static_cast<std::size_t>(begin)], wide.bytes[static_cast<std::size_t>(end)]});
            if (++searches % 1024 == 0 && Clock::now() > deadline)
                status = U_REGEX_TIME_OUT;
        }
        if (U_FAILURE(status))
            refuse(m_text, "takes too long on this text; try a shorter one, or another tokenizer");
    }
    return found;
}

std::vector<Range> TextPattern::find(std::string_view text) const {
    const Range whole{0, text.size()};
    return std::move(find(text, {&whole, 1}).front());
}

} // namespace fovea
