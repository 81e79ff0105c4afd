#include "core/tokenizer/jinja/jinja_evaluate.h"

#include <algorithm>
#include <utility>

#include "core/tokenizer/jinja/jinja_operators.h"
#include "core/tokenizer/jinja/jinja_tokens.h"
#include "core/tokenizer/jinja/jinja_values.h"

namespace fovea::jinja {

namespace {

// Steps of a template, those of copying counted; and how many more a conversation of that weight may take.
constexpr std::int64_t kMostSteps = 500'000, kStepsPerWeight = 50;
constexpr int kDeepestMacro = 20;

class Writer {
public:
    explicit Writer(const std::map<std::string, Value>& variables) {
        for (const auto& [name, given] : variables)
            m_left += kStepsPerWeight * weightOf(given);
        m_scopes.push_back(variables);
    }

    std::string text(const Node& tree) {
        run(tree);
        return std::move(m_out);
    }

private:
    using Scope = std::map<std::string, Value>;

    void run(const Node& node) {
        step();
        switch (node.kind) {
        case Node::Sequence:
            for (std::size_t i = 0; i < node.parts.size() && m_leaving == Leaving::Nothing; ++i)
                run(*node.parts[i]);
            return;
        case Node::Text:
            print(node.text);
            return;
        case Node::Print:
            print(textOf(Operand(*this, *node.parts[0]).get()));
            return;
        case Node::If:
            if (truth(Operand(*this, *node.parts[0]).get()))
                run(*node.parts[1]);
            else if (node.parts.size() > 2)
                run(*node.parts[2]);
            return;
        case Node::For:
            loop(node);
            return;
        case Node::Set:
            assign(node);
            return;
        case Node::SetBlock: {
            std::string before = std::exchange(m_out, {});
            run(*node.parts[0]);
            m_scopes.back()[node.text] = std::exchange(m_out, std::move(before));
            return;
        }
        case Node::Macro:
            m_macros[node.text] = &node;
            return;
        case Node::Break:
            m_leaving = node.text == "break" ? Leaving::Loop : Leaving::Round;
            return;
        default:
            throw Error("a value where a statement is expected");
        }
    }

    void print(const std::string& text) {
        step(static_cast<std::int64_t>(text.size() / 64));
        checkSize(m_out.size() + text.size());
        m_out += text;
    }

    void step(std::int64_t cost = 1) {
        m_left -= cost;
        if (m_left < 0)
            throw Error("a template that does not come to an end");
    }

    // A value to look at, without a copy where it is a variable or a part of one: a conversation may be long. Nothing
    // in an expression changes a variable, so what this refers to stays.
    class Operand {
    public:
        Operand(Writer& writer, const Node& node) : m_seen(writer.look(node)) {
            if (m_seen == nullptr)
                m_own = writer.value(node);
        }
        const Value& get() const { return m_seen != nullptr ? *m_seen : m_own; }

    private:
        const Value* m_seen;
        Value m_own;
    };

    // Where a variable or a member of one is; null for other expressions, and for what is not there.
    const Value* look(const Node& node) {
        step();
        if (node.kind == Node::Name)
            return find(node.text);
        if (node.kind == Node::Literal)
            return &node.value;
        if (node.kind != Node::Attribute && node.kind != Node::Item)
            return nullptr;
        const Value* of = look(*node.parts[0]);
        if (of == nullptr)
            return nullptr;
        if (node.kind == Node::Attribute) {
            const auto found = of->is_object() ? of->find(node.text) : of->end();
            return found == of->end() ? nullptr : &*found;
        }
        const Node& which = *node.parts[1];
        if (which.kind != Node::Literal || !which.value.is_string() || !of->is_object())
            return nullptr;
        const auto found = of->find(which.value.get_ref<const std::string&>());
        return found == of->end() ? nullptr : &*found;
    }

    void bind(const Node& node, const Value& entry, Scope& scope) const {
        if (node.names.size() == 1) {
            scope[node.names.front()] = entry;
            return;
        }
        if (!entry.is_array() || entry.size() != node.names.size())
            throw Error("a loop over pairs that are none");
        for (std::size_t i = 0; i < node.names.size(); ++i)
            scope[node.names[i]] = entry[i];
    }

    void loop(const Node& node) {
        Value list = value(*node.parts[0]);
        if (list.is_object()) {
            Value keys = Value::array();
            for (const auto& [key, unused] : list.items())
                keys.push_back(key);
            list = std::move(keys);
        }
        if (isUndefined(list))
            list = Value::array();
        if (!list.is_array())
            throw Error("a loop over what is no list");
        if (node.parts[1] != nullptr)
            list = filtered(node, list);
        const auto size = static_cast<std::int64_t>(list.size());
        for (std::int64_t i = 0; i < size; ++i) {
            step();
            m_scopes.emplace_back();
            bind(node, list[static_cast<std::size_t>(i)], m_scopes.back());
            m_scopes.back()["loop"] = {{"index", i + 1},           {"index0", i},          {"first", i == 0},
                                       {"last", i + 1 == size},    {"revindex", size - i}, {"length", size},
                                       {"revindex0", size - i - 1}};
            run(*node.parts[2]);
            m_scopes.pop_back();
            if (std::exchange(m_leaving, Leaving::Nothing) == Leaving::Loop)
                break;
        }
        if (size == 0 && node.parts[3] != nullptr)
            run(*node.parts[3]);
    }

    Value filtered(const Node& node, const Value& list) {
        Value kept = Value::array();
        for (const Value& entry : list) {
            m_scopes.emplace_back();
            bind(node, entry, m_scopes.back());
            if (truth(value(*node.parts[1])))
                kept.push_back(entry);
            m_scopes.pop_back();
        }
        return kept;
    }

    void assign(const Node& node) {
        Value made = value(*node.parts[0]);
        if (node.names.empty()) {
            m_scopes.back()[node.text] = std::move(made);
            return;
        }
        Value* space = find(node.text);
        if (space == nullptr || !space->is_object())
            throw Error("an attribute of '" + node.text.substr(0, 40) + "', which is no namespace");
        (*space)[node.names[1]] = std::move(made);
    }

    Value* find(const std::string& name) {
        for (auto scope = m_scopes.rbegin(); scope != m_scopes.rend(); ++scope)
            if (const auto found = scope->find(name); found != scope->end())
                return &found->second;
        return nullptr;
    }

    Value value(const Node& node) {
        step();
        switch (node.kind) {
        case Node::Literal:
            return node.value;
        case Node::Name: {
            const Value* found = find(node.text);
            if (found == nullptr && isFunction(node.text))
                return true; // is defined
            if (found == nullptr)
                return undefined();
            step(weightOf(*found));
            return *found;
        }
        case Node::List: {
            Value list = Value::array();
            for (const NodePointer& part : node.parts)
                list.push_back(value(*part));
            return list;
        }
        case Node::Dictionary: {
            Value object = Value::object();
            for (std::size_t i = 0; i + 1 < node.parts.size(); i += 2)
                object[stringOf(value(*node.parts[i]), "a key")] = value(*node.parts[i + 1]);
            return object;
        }
        case Node::Attribute:
            return memberOf(Operand(*this, *node.parts[0]).get(), node.text);
        case Node::Item:
            return memberOf(Operand(*this, *node.parts[0]).get(), value(*node.parts[1]));
        case Node::Slice:
            return slice(node);
        case Node::Call:
            return call(node);
        case Node::Filter:
            return filter(node.text, Operand(*this, *node.parts[0]).get(), arguments(node));
        case Node::Test:
            return test(node.text, Operand(*this, *node.parts[0]).get(), arguments(node));
        case Node::Unary:
            return unary(node);
        case Node::Binary:
            return binary(node);
        case Node::Conditional:
            if (truth(value(*node.parts[0])))
                return value(*node.parts[1]);
            return node.parts[2] != nullptr ? value(*node.parts[2]) : undefined();
        default:
            throw Error("a statement where a value is expected");
        }
    }

    Value slice(const Node& node) {
        const Operand operand(*this, *node.parts[0]);
        const Value& of = operand.get();
        step(weightOf(of));
        if (!of.is_array())
            throw Error("a part of what is no list");
        const auto size = static_cast<std::int64_t>(of.size());
        const auto bound = [&](std::size_t part, std::int64_t fallback) {
            if (node.parts[part] == nullptr)
                return fallback;
            const Value given = value(*node.parts[part]);
            if (!given.is_number_integer())
                throw Error("a part of a list by what is no number");
            return std::clamp<std::int64_t>(
                given.get<std::int64_t>() + (given.get<std::int64_t>() < 0 ? size : 0), 0, size);
        };
        Value step = node.parts[3] != nullptr ? value(*node.parts[3]) : Value(1);
        Value made = Value::array();
        if (step == Value(-1) && node.parts[1] == nullptr && node.parts[2] == nullptr) {
            for (auto entry = of.rbegin(); entry != of.rend(); ++entry)
                made.push_back(*entry);
            return made;
        }
        if (step != Value(1))
            throw Error("steps through a list");
        const std::int64_t end = bound(2, size);
        for (std::int64_t i = bound(1, 0); i < end; ++i)
            made.push_back(of[static_cast<std::size_t>(i)]);
        return made;
    }

    Arguments arguments(const Node& node) {
        Arguments made;
        for (std::size_t i = 1; i < node.parts.size(); ++i) {
            Value given = value(*node.parts[i]);
            if (node.names[i - 1].empty())
                made.byPlace.push_back(std::move(given));
            else
                made.byName[node.names[i - 1]] = std::move(given);
        }
        return made;
    }

    Value call(const Node& node) {
        const Node& function = *node.parts[0];
        if (function.kind == Node::Attribute)
            return method(function.text, Operand(*this, *function.parts[0]).get(), arguments(node));
        const std::string name = function.kind == Node::Name ? function.text : "?";
        const Arguments given = arguments(node);
        if (const auto macro = m_macros.find(name); macro != m_macros.end())
            return expand(*macro->second, given);
        if (name == "raise_exception")
            throw Error("the template says: " + textOf(given.get(0)));
        if (name == "namespace" || name == "dict") {
            Value space = Value::object();
            for (const auto& [key, entry] : given.byName)
                space[key] = entry;
            return space;
        }
        if (name == "range")
            return range(given);
        if (name == "strftime_now")
            return timeNow(stringOf(given.get(0), name));
        throw Error("the function '" + name.substr(0, 40) + "'");
    }

    bool isFunction(const std::string& name) const {
        return m_macros.contains(name) || name == "raise_exception" || name == "namespace" ||
               name == "range" || name == "strftime_now";
    }

    // A macro sees what is global, and its parameters.
    Value expand(const Node& macro, const Arguments& given) {
        if (++m_depth > kDeepestMacro)
            throw Error("macros that call one another without end");
        Scope scope;
        for (std::size_t i = 0; i < macro.names.size(); ++i) {
            Value passed = given.get(i, macro.names[i].c_str());
            if (isUndefined(passed) && macro.parts[i + 1] != nullptr)
                passed = value(*macro.parts[i + 1]);
            scope[macro.names[i]] = std::move(passed);
        }
        std::vector<Scope> around;
        for (const auto& [name, global] : m_scopes.front())
            step(weightOf(global));
        around.push_back(m_scopes.front());
        around.push_back(std::move(scope));
        std::swap(m_scopes, around);
        std::string before = std::exchange(m_out, {});
        run(*macro.parts[0]);
        std::swap(m_scopes, around);
        --m_depth;
        return std::exchange(m_out, std::move(before));
    }

    Value unary(const Node& node) {
        const Value of = value(*node.parts[0]);
        if (node.text == "not")
            return !truth(of);
        if (!of.is_number_integer())
            throw Error("the negative of what is no number");
        return operate(node.text, 0, of);
    }

    Value binary(const Node& node) {
        if (node.text == "and" || node.text == "or") {
            Value left = value(*node.parts[0]);
            return truth(left) == (node.text == "or") ? left : value(*node.parts[1]);
        }
        const Operand left(*this, *node.parts[0]), right(*this, *node.parts[1]);
        step(weightOf(left.get()) + weightOf(right.get()));
        return operate(node.text, left.get(), right.get());
    }

    std::vector<Scope> m_scopes; // the first is global
    std::map<std::string, const Node*> m_macros;
    std::string m_out;
    enum class Leaving { Nothing, Round, Loop } m_leaving = Leaving::Nothing;
    int m_depth = 0; // of macros
    std::int64_t m_left = kMostSteps;
};

} // namespace

std::string write(const Node& tree, const std::map<std::string, Value>& variables) {
    return Writer(variables).text(tree);
}

} // namespace fovea::jinja
