#pragma once
// What Jinja's values do: truth, text, order, and the filters, tests and methods that chat templates use.

#include <map>
#include <string>
#include <vector>

#include "core/tokenizer/jinja/jinja_node.h"

namespace fovea::jinja {

struct Arguments {
    std::vector<Value> byPlace;
    std::map<std::string, Value> byName;

    // By place, or by name; undefined where it is not given.
    Value get(std::size_t place, const char* name = "") const;
};

Value undefined();
bool isUndefined(const Value& value);
bool truth(const Value& value);
// As Python's str(); lists and dictionaries are refused.
std::string textOf(const Value& value);
// Its string; throws Error where it is none.
const std::string& stringOf(const Value& value, const std::string& what);
bool contains(const Value& in, const Value& what);
// What a copy of it costs, in steps.
std::int64_t weightOf(const Value& value);
// Throws Error for a text or a list that grows beyond every conversation.
void checkSize(std::size_t size);

// Each throws Error where the name is not known or the value does not have it.
Value filter(const std::string& name, const Value& of, const Arguments& arguments);
bool test(const std::string& name, const Value& of, const Arguments& arguments);
Value method(const std::string& name, const Value& of, const Arguments& arguments);

} // namespace fovea::jinja
