#include "core/tokenizer/jinja/jinja_values.h"

#include <algorithm>
#include <charconv>

#include "core/tokenizer/jinja/jinja_tokens.h"

namespace fovea::jinja {

namespace {

constexpr std::size_t kMostBytes = std::size_t{100} << 20;
constexpr const char* kBlanks = " \t\n\r\f\v";

std::string strip(const std::string& text, const std::string& what, bool left, bool right) {
    const std::size_t begin = left ? text.find_first_not_of(what) : 0;
    if (begin == text.npos || text.empty())
        return {};
    const std::size_t last = right ? text.find_last_not_of(what) : text.size() - 1;
    return last == text.npos ? std::string() : text.substr(begin, last + 1 - begin);
}

// ASCII alone: what roles and markers are made of.
std::string cased(std::string text, bool upper) {
    for (char& c : text) {
        if (upper && c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
        else if (!upper && c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

std::string capitalized(const std::string& text, bool eachWord) {
    std::string out = cased(text, false);
    bool first = true;
    for (char& c : out) {
        if (first)
            c = cased(std::string(1, c), true).front();
        first = eachWord && !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    }
    return out;
}

std::string replaced(const std::string& text, const std::string& what, const std::string& with) {
    if (what.empty())
        throw Error("replace without what to replace");
    std::string out;
    std::size_t at = 0;
    for (std::size_t found; (found = text.find(what, at)) != text.npos; at = found + what.size()) {
        out.append(text, at, found - at).append(with);
        checkSize(out.size());
    }
    return out.append(text, at);
}

Value splitText(const std::string& text, const Arguments& arguments) {
    Value parts = Value::array();
    const Value separator = arguments.get(0, "sep"), most = arguments.get(1, "maxsplit");
    std::int64_t left = most.is_number_integer() ? most.get<std::int64_t>() : -1;
    if (!separator.is_string()) {
        for (std::size_t at = 0; (at = text.find_first_not_of(kBlanks, at)) != text.npos;) {
            const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
            parts.push_back(text.substr(at, end - at));
            at = end;
        }
        return parts;
    }
    const auto& mark = separator.get_ref<const std::string&>();
    if (mark.empty())
        throw Error("split at nothing");
    std::size_t at = 0;
    for (std::size_t found; left != 0 && (found = text.find(mark, at)) != text.npos;
         at = found + mark.size(), --left)
        parts.push_back(text.substr(at, found - at));
    parts.push_back(text.substr(at));
    return parts;
}

bool affixed(const std::string& text, const Value& affix, bool start) {
    for (const Value& one : affix.is_array() ? affix : Value::array({affix})) {
        const std::string& part = stringOf(one, "startswith or endswith");
        if (start ? text.starts_with(part) : text.ends_with(part))
            return true;
    }
    return false;
}

Value items(const Value& of) {
    if (!of.is_object())
        throw Error("items of what is no dictionary");
    Value list = Value::array();
    for (const auto& [key, value] : of.items())
        list.push_back(Value::array({key, value}));
    return list;
}

// Those of `list` whose attribute is as a test says, or is true.
Value selected(const Value& list, const Arguments& arguments, bool wanted) {
    if (!list.is_array())
        throw Error("selectattr of what is no list");
    const std::string attribute = stringOf(arguments.get(0), "selectattr");
    Arguments rest;
    if (arguments.byPlace.size() > 2)
        rest.byPlace.assign(arguments.byPlace.begin() + 2, arguments.byPlace.end());
    Value found = Value::array();
    for (const Value& entry : list) {
        const Value value = entry.is_object() && entry.contains(attribute) ? entry[attribute] : undefined();
        const bool holds = arguments.byPlace.size() > 1
                               ? test(stringOf(arguments.get(1), "selectattr"), value, rest)
                               : truth(value);
        if (holds == wanted)
            found.push_back(entry);
    }
    return found;
}

Value mapped(const Value& list, const Arguments& arguments) {
    const Value attribute = arguments.get(9, "attribute");
    if (!list.is_array() || !attribute.is_string())
        throw Error("map without an attribute");
    Value made = Value::array();
    for (const Value& entry : list) {
        const auto found = entry.find(attribute.get<std::string>());
        made.push_back(entry.is_object() && found != entry.end() ? *found : undefined());
    }
    return made;
}

std::string joined(const Value& list, const Value& between) {
    if (!list.is_array())
        throw Error("join of what is no list");
    std::string out;
    for (std::size_t i = 0; i < list.size(); ++i) {
        out += (i > 0 && between.is_string() ? between.get<std::string>() : "") + textOf(list[i]);
        checkSize(out.size());
    }
    return out;
}

std::int64_t lengthOf(const Value& of) {
    if (of.is_string()) // characters
        return std::count_if(of.get_ref<const std::string&>().begin(), of.get_ref<const std::string&>().end(),
                             [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    if (!of.is_array() && !of.is_object())
        throw Error("the length of what has none");
    return static_cast<std::int64_t>(of.size());
}

Value whole(const Value& of) {
    if (!of.is_string())
        return of.is_number() ? Value(of.get<std::int64_t>()) : Value(0);
    const std::string text = strip(of.get<std::string>(), kBlanks, true, true);
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

} // namespace

Value Arguments::get(std::size_t place, const char* name) const {
    if (place < byPlace.size())
        return byPlace[place];
    const auto found = byName.find(name);
    return found == byName.end() ? undefined() : found->second;
}

Value undefined() {
    return Value(Value::value_t::discarded);
}

bool isUndefined(const Value& value) {
    return value.is_discarded();
}

bool truth(const Value& value) {
    if (value.is_boolean())
        return value.get<bool>();
    if (value.is_number())
        return value != Value(0);
    if (value.is_string())
        return !value.get_ref<const std::string&>().empty();
    return !value.is_discarded() && !value.is_null() && !value.empty();
}

std::string textOf(const Value& value) {
    if (value.is_string())
        return value.get<std::string>();
    if (value.is_discarded())
        return {};
    if (value.is_null())
        return "None";
    if (value.is_boolean())
        return value.get<bool>() ? "True" : "False";
    if (value.is_number())
        return value.dump();
    throw Error("a list or a dictionary where text is expected");
}

const std::string& stringOf(const Value& value, const std::string& what) {
    if (!value.is_string())
        throw Error(what + " of what is no text");
    return value.get_ref<const std::string&>();
}

std::int64_t weightOf(const Value& value) {
    if (value.is_string())
        return 1 + static_cast<std::int64_t>(value.get_ref<const std::string&>().size() / 64);
    std::int64_t weight = 1;
    if (value.is_structured())
        for (const Value& part : value)
            weight += weightOf(part);
    return weight;
}

bool contains(const Value& in, const Value& what) {
    if (in.is_string())
        return in.get_ref<const std::string&>().find(stringOf(what, "in")) != std::string::npos;
    if (in.is_object())
        return what.is_string() && in.contains(what.get<std::string>());
    if (in.is_array())
        return std::find(in.begin(), in.end(), what) != in.end();
    if (isUndefined(in))
        return false;
    throw Error("in what holds nothing");
}

void checkSize(std::size_t size) {
    if (size > kMostBytes)
        throw Error("a text of more than 100 MiB");
}

Value filter(const std::string& name, const Value& of, const Arguments& arguments) {
    if (name == "default" || name == "d")
        return isUndefined(of) || (truth(arguments.get(1, "boolean")) && !truth(of))
                   ? arguments.get(0, "default_value")
                   : of;
    if (name == "trim") // what is no string becomes one
        return strip(textOf(of),
                     arguments.get(0, "chars").is_string() ? textOf(arguments.get(0, "chars")) : kBlanks,
                     true, true);
    if (name == "length" || name == "count")
        return lengthOf(of);
    if (name == "string")
        return textOf(of);
    if (name == "safe" || (name == "list" && of.is_array()))
        return of;
    if (name == "upper" || name == "lower")
        return cased(textOf(of), name == "upper");
    if (name == "capitalize" || name == "title")
        return capitalized(textOf(of), name == "title");
    if (name == "replace")
        return replaced(textOf(of), stringOf(arguments.get(0, "old"), name),
                        stringOf(arguments.get(1, "new"), name));
    if (name == "join")
        return joined(of, arguments.get(0, "d"));
    if (name == "int")
        return whole(of);
    if (name == "items")
        return items(of);
    if (name == "selectattr" || name == "rejectattr")
        return selected(of, arguments, name == "selectattr");
    if (name == "map")
        return mapped(of, arguments);
    if ((name == "first" || name == "last") && of.is_array())
        return of.empty() ? undefined() : name == "first" ? of.front() : of.back();
    if (name == "reverse" && of.is_array())
        return Value(std::vector<Value>(of.rbegin(), of.rend()));
    throw Error("the filter '" + name.substr(0, 40) + "'");
}

bool test(const std::string& name, const Value& of, const Arguments& arguments) {
    if (name == "defined" || name == "undefined")
        return isUndefined(of) == (name == "undefined");
    if (name == "none")
        return of.is_null();
    if (name == "string")
        return of.is_string();
    if (name == "mapping")
        return of.is_object();
    if (name == "iterable" || name == "sequence")
        return of.is_array() || of.is_object() || of.is_string();
    if (name == "number")
        return of.is_number();
    if (name == "integer")
        return of.is_number_integer();
    if (name == "boolean")
        return of.is_boolean();
    if (name == "true" || name == "false")
        return of == Value(name == "true");
    if (name == "equalto" || name == "eq" || name == "sameas" || name == "ne")
        return (of == arguments.get(0)) == (name != "ne");
    if (name == "in")
        return contains(arguments.get(0), of);
    if ((name == "odd" || name == "even") && of.is_number_integer())
        return (of.get<std::int64_t>() % 2 != 0) == (name == "odd");
    throw Error("the test '" + name.substr(0, 40) + "'");
}

Value method(const std::string& name, const Value& of, const Arguments& arguments) {
    if (of.is_object()) {
        if (name == "items")
            return items(of);
        if (name == "get") {
            const Value key = arguments.get(0), fallback = arguments.get(1);
            if (key.is_string() && of.contains(key.get<std::string>()))
                return of[key.get<std::string>()];
            return isUndefined(fallback) ? Value(nullptr) : fallback;
        }
        if (name == "keys" || name == "values") {
            Value list = Value::array();
            for (const auto& [key, value] : of.items())
                list.push_back(name == "keys" ? Value(key) : value);
            return list;
        }
    }
    if (!of.is_string())
        throw Error("the method '" + name.substr(0, 40) + "' of what has none such");
    const auto& text = of.get_ref<const std::string&>();
    if (name == "strip" || name == "lstrip" || name == "rstrip") {
        const Value what = arguments.get(0);
        return strip(text, what.is_string() ? what.get<std::string>() : kBlanks, name != "rstrip",
                     name != "lstrip");
    }
    if (name == "split")
        return splitText(text, arguments);
    if (name == "startswith" || name == "endswith")
        return affixed(text, arguments.get(0), name == "startswith");
    if (name == "upper" || name == "lower")
        return cased(text, name == "upper");
    if (name == "capitalize" || name == "title")
        return capitalized(text, name == "title");
    if (name == "replace")
        return replaced(text, stringOf(arguments.get(0), name), stringOf(arguments.get(1), name));
    if (name == "join")
        return joined(arguments.get(0), of);
    throw Error("the method '" + name.substr(0, 40) + "'");
}

} // namespace fovea::jinja
