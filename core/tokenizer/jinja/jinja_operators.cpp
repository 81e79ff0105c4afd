#include "core/tokenizer/jinja/jinja_operators.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "core/tokenizer/jinja/jinja_tokens.h"

namespace fovea::jinja {

namespace {

constexpr std::int64_t kLongestRange = 100'000;

template <class T>
Value compared(const std::string& op, const T& a, const T& b) {
    if (op == "<" || op == ">=")
        return (a < b) == (op == "<");
    if (op == ">" || op == "<=")
        return (b < a) == (op == ">");
    throw Error("'" + op + "' of two texts");
}

Value calculated(const std::string& op, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    bool fits = true;
    if (op == "+")
        fits = !__builtin_add_overflow(a, b, &result);
    else if (op == "-")
        fits = !__builtin_sub_overflow(a, b, &result);
    else if (op == "*")
        fits = !__builtin_mul_overflow(a, b, &result);
    else if (op == "//" || op == "%") {
        if (b == 0 || b == -1) // and the least number by −1 has no quotient
            throw Error("a division by " + std::to_string(b));
        result = a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); // towards −∞, as Python
        if (op == "%")
            result = a - result * b;
    } else
        return compared(op, a, b);
    if (!fits)
        throw Error("a number too large");
    return result;
}

Value characterOf(const std::string& text, std::int64_t place) {
    const auto begins = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80; };
    if (place < 0)
        for (std::size_t at = 0; at < text.size(); ++at)
            place += begins(at) ? 1 : 0;
    for (std::size_t at = 0; at < text.size() && place >= 0; ++at) {
        if (!begins(at) || place-- > 0)
            continue;
        std::size_t end = at + 1;
        while (end < text.size() && !begins(end))
            ++end;
        return text.substr(at, end - at);
    }
    return undefined();
}

} // namespace

Value operate(const std::string& op, const Value& left, const Value& right) {
    if (op == "==" || op == "!=")
        return (left == right || (isUndefined(left) && isUndefined(right))) == (op == "==");
    if (op == "in" || op == "not in")
        return contains(right, left) == (op == "in");
    if (op == "~" || (op == "+" && left.is_string() && right.is_string())) {
        std::string text = textOf(left) + textOf(right);
        checkSize(text.size());
        return text;
    }
    if (op == "+" && left.is_array() && right.is_array()) {
        checkSize((left.size() + right.size()) * sizeof(Value));
        Value both = left;
        both.insert(both.end(), right.begin(), right.end());
        return both;
    }
    if (left.is_string() && right.is_string())
        return compared(op, left, right);
    if (!left.is_number_integer() || !right.is_number_integer())
        throw Error("'" + op + "' of what does not go together");
    return calculated(op, left.get<std::int64_t>(), right.get<std::int64_t>());
}

Value memberOf(const Value& of, const Value& which) {
    if (isUndefined(of))
        throw Error("a member of what is not defined");
    if (of.is_object() && which.is_string()) {
        const auto found = of.find(which.get<std::string>());
        return found == of.end() ? undefined() : *found;
    }
    if (of.is_array() && which.is_number_integer()) {
        const auto size = static_cast<std::int64_t>(of.size());
        const std::int64_t at = which.get<std::int64_t>() + (which.get<std::int64_t>() < 0 ? size : 0);
        return at >= 0 && at < size ? of[static_cast<std::size_t>(at)] : undefined();
    }
    if (of.is_string() && which.is_number_integer())
        return characterOf(of.get_ref<const std::string&>(), which.get<std::int64_t>());
    return undefined();
}

Value range(const Arguments& given) {
    for (const Value& bound : given.byPlace)
        if (!bound.is_number_integer())
            throw Error("a range of what is no number");
    if (given.byPlace.empty() || given.byPlace.size() > 3)
        throw Error("a range without an end");
    const bool alone = given.byPlace.size() == 1;
    const auto begin = alone ? 0 : given.byPlace[0].get<std::int64_t>();
    const auto end = given.byPlace[alone ? 0 : 1].get<std::int64_t>();
    const auto step = given.byPlace.size() == 3 ? given.byPlace[2].get<std::int64_t>() : 1;
    constexpr std::int64_t kFar = std::int64_t{1} << 40;
    if (step == 0 || std::max({begin, end, step}) > kFar || std::min({begin, end, step}) < -kFar ||
        (end - begin) / step > kLongestRange)
        throw Error("a range that long");
    Value list = Value::array();
    for (auto i = begin; step > 0 ? i < end : i > end; i += step)
        list.push_back(i);
    return list;
}

Value timeNow(const std::string& format) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    std::array<char, 256> text{};
    return std::string(text.data(), std::strftime(text.data(), text.size(), format.c_str(), &parts));
}

} // namespace fovea::jinja
