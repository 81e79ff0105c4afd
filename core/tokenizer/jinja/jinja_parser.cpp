#include <algorithm>

#include "core/tokenizer/jinja/jinja_expressions.h"

namespace fovea::jinja {

namespace {

class Parser final : public ExpressionParser {
public:
    using ExpressionParser::ExpressionParser;

    Made parse() {
        Made all = statements({});
        if (peek().kind != Token::End)
            unexpected();
        return all;
    }

private:
    // Up to a tag that begins with one of `ends`, which is left where it stands.
    Made statements(std::initializer_list<std::string_view> ends) {
        const Deeper deeper(m_depth);
        Made all = make(Node::Sequence);
        while (peek().kind != Token::End) {
            if (peek().kind == Token::BeginStatement && peek(1).kind == Token::Name &&
                std::find(ends.begin(), ends.end(), peek(1).text) != ends.end())
                break;
            add(*all, statement());
        }
        return all;
    }

    Made statement() {
        if (peek().kind == Token::Text)
            return make(Node::Text, next().text);
        if (peek().kind == Token::BeginPrint) {
            ++m_at;
            Made node = makeOf(Node::Print, "", expression());
            expect(Token::EndPrint);
            return node;
        }
        expect(Token::BeginStatement);
        const std::string kind = name();
        if (kind == "if")
            return ifStatement();
        if (kind == "for")
            return forStatement();
        if (kind == "set")
            return setStatement();
        if (kind == "macro")
            return macro();
        if (kind == "break" || kind == "continue") {
            expect(Token::EndStatement);
            return make(Node::Break, kind);
        }
        if (kind == "generation") { // marks what a trainer looks at
            expect(Token::EndStatement);
            Made body = statements({"endgeneration"});
            closeTag("endgeneration");
            return body;
        }
        throw Error("the statement '" + kind.substr(0, 40) + "'");
    }

    void closeTag(std::string_view kind) {
        expect(Token::BeginStatement);
        if (!word(kind))
            unexpected();
        expect(Token::EndStatement);
    }

    Made ifStatement() {
        Made node = makeOf(Node::If, "", expression());
        expect(Token::EndStatement);
        add(*node, statements({"elif", "else", "endif"}));
        expect(Token::BeginStatement);
        const std::string how = name();
        if (how == "elif") {
            const Deeper deeper(m_depth);
            add(*node, ifStatement());
            return node;
        }
        expect(Token::EndStatement);
        if (how == "else") {
            add(*node, statements({"endif"}));
            closeTag("endif");
        }
        return node;
    }

    Made forStatement() {
        Made node = make(Node::For);
        const bool bracket = op("(");
        do
            node->names.push_back(name());
        while (op(","));
        if (bracket)
            expectOp(")");
        if (!word("in"))
            unexpected();
        add(*node, disjunction()); // an `if` behind it is the loop's
        add(*node, word("if") ? expression() : nullptr);
        expect(Token::EndStatement);
        add(*node, statements({"else", "endfor"}));
        Made otherwise;
        if (at(Token::Name, "else", 1)) {
            closeTag("else");
            otherwise = statements({"endfor"});
        }
        add(*node, std::move(otherwise));
        closeTag("endfor");
        return node;
    }

    Made setStatement() {
        Made node = make(Node::Set, name());
        if (op("."))
            node->names = {node->text, name()};
        if (op("=")) {
            add(*node, expression());
            expect(Token::EndStatement);
            return node;
        }
        expect(Token::EndStatement);
        node->kind = Node::SetBlock;
        add(*node, statements({"endset"}));
        closeTag("endset");
        return node;
    }

    Made macro() {
        Made node = make(Node::Macro, name());
        std::vector<Made> defaults;
        expectOp("(");
        while (!op(")")) {
            node->names.push_back(name());
            defaults.push_back(op("=") ? expression() : nullptr);
            if (!at(Token::Operator, ")"))
                expectOp(",");
        }
        expect(Token::EndStatement);
        add(*node, statements({"endmacro"}));
        closeTag("endmacro");
        for (Made& fallback : defaults)
            add(*node, std::move(fallback));
        return node;
    }
};

} // namespace

NodePointer parse(std::string_view source) {
    return Parser(tokensOf(source)).parse();
}

} // namespace fovea::jinja
