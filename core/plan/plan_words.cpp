#include "core/plan/plan_words.h"

#include <algorithm>
#include <charconv>

namespace fovea {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";
constexpr std::size_t kLongestQuote = 80;

// Where the first of `ends` stands outside quotes, or npos.
std::size_t findOutsideQuotes(std::string_view text, std::string_view ends, std::size_t from) {
    bool quotes = false;
    for (; from < text.size(); ++from) {
        if (text[from] == '"')
            quotes = !quotes;
        else if (!quotes && ends.find(text[from]) != ends.npos)
            return from;
    }
    return text.npos;
}

PlanWord readWord(std::string_view text) {
    PlanWord word{.text = text, .slot = {}, .value = {}, .parameters = {}};
    const auto equals = text.find('=');
    const auto colon = text.find(':');
    if (equals == text.npos || equals > colon)
        return word; // no slot: a bare word
    word.slot = text.substr(0, equals);
    word.hasParameters = colon != text.npos;
    word.value = text.substr(equals + 1, word.hasParameters ? colon - equals - 1 : text.npos);
    if (word.hasParameters)
        word.parameters = text.substr(colon + 1);
    return word;
}

PlanSwitch readSwitch(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == text.npos)
        return {text, text, {}};
    return {text, text.substr(0, equals), text.substr(equals + 1)};
}

} // namespace

std::vector<PlanWord> splitPlan(std::string_view text) {
    std::vector<PlanWord> words;
    for (auto begin = text.find_first_not_of(kBlanks); begin != text.npos;) {
        const auto end = findOutsideQuotes(text, kBlanks, begin);
        words.push_back(readWord(text.substr(begin, end == text.npos ? end : end - begin)));
        begin = end == text.npos ? end : text.find_first_not_of(kBlanks, end);
    }
    return words;
}

std::vector<PlanSwitch> splitSwitches(const PlanWord& word) {
    std::vector<PlanSwitch> switches;
    if (!word.hasParameters)
        return switches;
    for (std::string_view rest = word.parameters;;) {
        const auto comma = findOutsideQuotes(rest, ",", 0);
        switches.push_back(readSwitch(rest.substr(0, comma)));
        if (comma == rest.npos)
            return switches;
        rest.remove_prefix(comma + 1);
    }
}

std::optional<int> parseInteger(std::string_view text) {
    int value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return value;
}

std::string unquoted(std::string_view value) {
    std::string plain;
    bool quotes = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '"' && quotes && i + 1 < value.size() && value[i + 1] == '"')
            ++i; // one that is written twice
        else if (value[i] == '"') {
            quotes = !quotes;
            continue;
        }
        plain += value[i];
    }
    return plain;
}

std::string inPlan(std::string_view value) {
    if (!value.empty() && value.find_first_of(" \t\r\n\f\v,\"") == value.npos)
        return std::string(value);
    std::string text = "\"";
    for (const char c : value)
        text += c == '"' ? "\"\"" : std::string(1, c);
    return text + '"';
}

std::string quoted(std::string_view text) {
    std::size_t length = std::min(text.size(), kLongestQuote);
    while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
        --length; // not in the middle of a UTF-8 character
    std::string result = "\"";
    for (const char c : text.substr(0, length))
        result += (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? '?' : c;
    if (length < text.size())
        result += "…";
    return result + '"';
}

} // namespace fovea
