#include "core/tokenizer/jinja/jinja_expressions.h"

#include <algorithm>

namespace fovea::jinja {

namespace {

constexpr int kDeepest = 100;     // expressions and statements within one another
constexpr int kDeepestTree = 300; // with what stands side by side: a + b + c + …

Made literal(Value value) {
    Made node = make(Node::Literal);
    node->value = std::move(value);
    return node;
}

} // namespace

Made make(Node::Kind kind, std::string text) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->text = std::move(text);
    return node;
}

void add(Node& node, Made part) {
    if (part != nullptr)
        node.depth = std::max(node.depth, part->depth + 1);
    if (node.depth > kDeepestTree)
        throw Error("expressions that nest too deep");
    node.parts.push_back(std::move(part));
}

ExpressionParser::Deeper::Deeper(int& depth) : m_depth(depth) {
    if (m_depth >= kDeepest)
        throw Error("expressions that nest too deep");
    ++m_depth;
}

const Token& ExpressionParser::peek(std::size_t ahead) const {
    return m_tokens[std::min(m_at + ahead, m_tokens.size() - 1)];
}
Token ExpressionParser::next() {
    Token token = peek();
    ++m_at;
    return token;
}
void ExpressionParser::unexpected() const {
    throw Error("'" + peek().text.substr(0, 40) + "' where it is not expected");
}

bool ExpressionParser::at(Token::Kind kind, std::string_view text, std::size_t ahead) const {
    return peek(ahead).kind == kind && peek(ahead).text == text;
}
bool ExpressionParser::accept(Token::Kind kind, std::string_view text) {
    if (!at(kind, text))
        return false;
    ++m_at;
    return true;
}
bool ExpressionParser::op(std::string_view text) {
    return accept(Token::Operator, text);
}
bool ExpressionParser::word(std::string_view text) {
    return accept(Token::Name, text);
}
void ExpressionParser::expectOp(std::string_view text) {
    if (!op(text))
        unexpected();
}
void ExpressionParser::expect(Token::Kind kind) {
    if (next().kind != kind) {
        --m_at;
        unexpected();
    }
}
std::string ExpressionParser::name() {
    if (peek().kind != Token::Name)
        unexpected();
    return next().text;
}

Made ExpressionParser::expression() {
    const Deeper deeper(m_depth);
    Made node = disjunction();
    while (word("if")) {
        Made condition = disjunction();
        Made otherwise = word("else") ? expression() : nullptr;
        node = makeOf(Node::Conditional, "", std::move(condition), std::move(node), std::move(otherwise));
    }
    return node;
}

Made ExpressionParser::disjunction() {
    Made node = conjunction();
    while (word("or"))
        node = makeOf(Node::Binary, "or", std::move(node), conjunction());
    return node;
}

Made ExpressionParser::conjunction() {
    Made node = negation();
    while (word("and"))
        node = makeOf(Node::Binary, "and", std::move(node), negation());
    return node;
}

Made ExpressionParser::negation() {
    const Deeper deeper(m_depth);
    return word("not") ? makeOf(Node::Unary, "not", negation()) : comparison();
}

Made ExpressionParser::comparison() {
    Made node = sum();
    for (std::string found; !(found = comparisonOperator()).empty();)
        node = makeOf(Node::Binary, found, std::move(node), sum());
    return node;
}

std::string ExpressionParser::comparisonOperator() {
    for (const char* text : {"==", "!=", "<=", ">=", "<", ">"})
        if (op(text))
            return text;
    if (word("in"))
        return "in";
    if (!at(Token::Name, "not") || !at(Token::Name, "in", 1))
        return {};
    m_at += 2;
    return "not in";
}

Made ExpressionParser::leftToRight(std::initializer_list<const char*> operators,
                                   Made (ExpressionParser::*operand)()) {
    Made node = (this->*operand)();
    for (;;) {
        const auto* const found =
            std::find_if(operators.begin(), operators.end(), [&](const char* text) { return op(text); });
        if (found == operators.end())
            return node;
        node = makeOf(Node::Binary, *found, std::move(node), (this->*operand)());
    }
}

Made ExpressionParser::sum() {
    return leftToRight({"+", "-"}, &ExpressionParser::concatenation);
}
Made ExpressionParser::concatenation() {
    return leftToRight({"~"}, &ExpressionParser::product);
}
Made ExpressionParser::product() {
    return leftToRight({"*", "//", "/", "%"}, &ExpressionParser::unary);
}

Made ExpressionParser::unary() {
    const Deeper deeper(m_depth);
    for (const char* sign : {"-", "+"})
        if (op(sign))
            return makeOf(Node::Unary, sign, unary());
    return filtersAndTests(postfix(primary()));
}

Made ExpressionParser::filtersAndTests(Made node) {
    for (;;) {
        if (op("|")) {
            node = makeOf(Node::Filter, name(), std::move(node));
            if (op("("))
                arguments(*node);
            node = postfix(std::move(node));
        } else if (word("is")) {
            const bool negated = word("not");
            node = makeOf(Node::Test, name(), std::move(node));
            if (op("("))
                arguments(*node);
            else if (peek().kind == Token::String || peek().kind == Token::Integer) {
                add(*node, primary()); // x is divisibleby 2
                node->names.emplace_back();
            }
            if (negated)
                node = makeOf(Node::Unary, "not", std::move(node));
        } else {
            return node;
        }
    }
}

Made ExpressionParser::postfix(Made node) {
    for (;;) {
        if (op("."))
            node = makeOf(Node::Attribute, name(), std::move(node));
        else if (op("["))
            node = subscript(std::move(node));
        else if (op("(")) {
            node = makeOf(Node::Call, "", std::move(node));
            arguments(*node);
        } else
            return node;
    }
}

Made ExpressionParser::subscript(Made of) {
    std::vector<Made> bounds(1);
    bool slice = false;
    while (!op("]")) {
        if (op(":")) {
            slice = true;
            bounds.emplace_back();
        } else if (bounds.back() == nullptr) {
            bounds.back() = expression();
        } else {
            unexpected();
        }
    }
    if (!slice) {
        if (bounds.front() == nullptr)
            unexpected();
        return makeOf(Node::Item, "", std::move(of), std::move(bounds.front()));
    }
    if (bounds.size() > 3)
        unexpected();
    bounds.resize(3);
    return makeOf(Node::Slice, "", std::move(of), std::move(bounds[0]), std::move(bounds[1]),
                  std::move(bounds[2]));
}

void ExpressionParser::arguments(Node& node) {
    while (!op(")")) {
        const bool named = peek().kind == Token::Name && at(Token::Operator, "=", 1);
        node.names.push_back(named ? name() : "");
        if (named)
            expectOp("=");
        add(node, expression());
        if (!at(Token::Operator, ")"))
            expectOp(",");
    }
}

Made ExpressionParser::primary() {
    const Token token = peek();
    switch (token.kind) {
    case Token::String: {
        std::string text = next().text;
        while (peek().kind == Token::String) // strings side by side are one
            text += next().text;
        return literal(std::move(text));
    }
    case Token::Integer:
        return literal(std::stoll(next().text));
    case Token::Float:
        return literal(std::stod(next().text));
    case Token::Name:
        ++m_at;
        if (token.text == "true" || token.text == "True")
            return literal(true);
        if (token.text == "false" || token.text == "False")
            return literal(false);
        if (token.text == "none" || token.text == "None")
            return literal(nullptr);
        return make(Node::Name, token.text);
    default:
        break;
    }
    if (op("("))
        return bracketed();
    if (op("[")) {
        Made node = make(Node::List);
        members(*node, "]");
        return node;
    }
    if (op("{"))
        return dictionary();
    unexpected();
}

void ExpressionParser::members(Node& node, std::string_view closing) {
    while (!op(closing)) {
        add(node, expression());
        if (!at(Token::Operator, closing))
            expectOp(",");
    }
}

Made ExpressionParser::bracketed() {
    Made node = make(Node::List); // a tuple
    if (op(")"))
        return node;
    Made first = expression();
    if (op(")"))
        return first;
    expectOp(",");
    add(*node, std::move(first));
    members(*node, ")");
    return node;
}

Made ExpressionParser::dictionary() {
    Made node = make(Node::Dictionary);
    while (!op("}")) {
        add(*node, expression());
        expectOp(":");
        add(*node, expression());
        if (!at(Token::Operator, "}"))
            expectOp(",");
    }
    return node;
}

} // namespace fovea::jinja
