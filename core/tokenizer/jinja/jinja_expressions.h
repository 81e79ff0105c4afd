#pragma once
// The expressions of a chat template, by recursive descent. Its statements: jinja_parser.cpp.

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/jinja/jinja_node.h"
#include "core/tokenizer/jinja/jinja_tokens.h"

namespace fovea::jinja {

using Made = std::unique_ptr<Node>;

Made make(Node::Kind kind, std::string text = {});
// Throws Error where the tree becomes too deep to be walked.
void add(Node& node, Made part);

template <class... Parts>
Made makeOf(Node::Kind kind, std::string text, Parts... parts) {
    Made node = make(kind, std::move(text));
    (add(*node, std::move(parts)), ...);
    return node;
}

class ExpressionParser {
public:
    explicit ExpressionParser(std::vector<Token> tokens) : m_tokens(std::move(tokens)) {}

protected:
    // Counts how deep the parser is in itself; throws Error where that is too deep.
    class Deeper {
    public:
        explicit Deeper(int& depth);
        ~Deeper() { --m_depth; }
        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;

    private:
        int& m_depth;
    };

    Made expression();
    Made disjunction(); // an expression without `if`

    const Token& peek(std::size_t ahead = 0) const;
    Token next();
    [[noreturn]] void unexpected() const;
    bool at(Token::Kind kind, std::string_view text, std::size_t ahead = 0) const;
    bool accept(Token::Kind kind, std::string_view text);
    // Goes on where the token is this one.
    bool op(std::string_view text);
    bool word(std::string_view text);
    void expectOp(std::string_view text);
    void expect(Token::Kind kind);
    std::string name();

    std::vector<Token> m_tokens;
    std::size_t m_at = 0;
    int m_depth = 0;

private:
    Made conjunction();
    Made negation();
    Made comparison();
    std::string comparisonOperator();
    Made leftToRight(std::initializer_list<const char*> operators, Made (ExpressionParser::*operand)());
    Made sum();
    Made concatenation();
    Made product();
    Made unary();
    Made filtersAndTests(Made node);
    Made postfix(Made node);
    Made subscript(Made of);
    void arguments(Node& node);
    Made primary();
    void members(Node& node, std::string_view closing);
    Made bracketed();
    Made dictionary();
};

} // namespace fovea::jinja
