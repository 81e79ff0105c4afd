#pragma once
// A chat template as a tree.

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::jinja {

// Jinja's values; a discarded one is undefined.
using Value = nlohmann::ordered_json;

struct Node;
using NodePointer = std::unique_ptr<const Node>;

struct Node {
    enum Kind {
        // statements: what is written
        Sequence, // parts
        Text,     // text
        Print,    // parts: an expression
        If,       // parts: condition, body, else (may be absent)
        For,      // names: variables; parts: list, filter (may be null), body, else (may be null)
        Set,      // text: the variable, or names: namespace and attribute; parts: an expression
        SetBlock, // text: the variable; parts: body
        Macro,    // text: its name; names: parameters; parts: body, then a default for each (may be null)
        Break,    // text: "break" or "continue"
        // expressions
        Literal,     // value
        Name,        // text
        List,        // parts
        Dictionary,  // parts: key, value, key, value …
        Attribute,   // text; parts: of what
        Item,        // parts: of what, which
        Slice,       // parts: of what, from, to, step (may be null)
        Call,        // parts: function, arguments; names: of each argument, empty where by place
        Filter,      // text: its name; parts: of what, arguments; names as above
        Test,        // text: its name; parts: of what, arguments; names as above
        Unary,       // text: "-", "+" or "not"; parts: of what
        Binary,      // text: the operator; parts: left, right
        Conditional, // parts: condition, then, else (may be null)
    };
    Kind kind = Sequence;
    std::string text;
    Value value;
    std::vector<std::string> names;
    std::vector<NodePointer> parts;
    int depth = 0; // of the nodes below
};

// Throws Error.
NodePointer parse(std::string_view source);

} // namespace fovea::jinja
