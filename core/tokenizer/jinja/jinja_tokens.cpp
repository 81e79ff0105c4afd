#include "core/tokenizer/jinja/jinja_tokens.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace fovea::jinja {

namespace {

bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

bool letter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool digit(char c) {
    return c >= '0' && c <= '9';
}

class Scanner {
public:
    explicit Scanner(std::string_view source) : m_rest(source) {}

    std::vector<Token> scan() {
        if (m_rest.ends_with('\n'))
            m_rest.remove_suffix(1);
        while (!m_rest.empty()) {
            const std::size_t tag = nextTag();
            std::string_view text = m_rest.substr(0, tag);
            if (tag == m_rest.npos) {
                addText(text);
                break;
            }
            const char kind = m_rest[tag + 1], sign = tag + 2 < m_rest.size() ? m_rest[tag + 2] : ' ';
            addText(trimmedBefore(text, kind, sign));
            m_rest.remove_prefix(tag + 2);
            if (sign == '-' || sign == '+')
                m_rest.remove_prefix(1);
            kind == '#' ? comment() : contents(kind);
        }
        m_tokens.push_back({Token::End, "the end"});
        return std::move(m_tokens);
    }

private:
    std::size_t nextTag() const {
        for (std::size_t at = 0; (at = m_rest.find('{', at)) != m_rest.npos; ++at)
            if (at + 1 < m_rest.size() &&
                std::string_view("{%#").find(m_rest[at + 1]) != std::string_view::npos)
                return at;
        return m_rest.npos;
    }

    void addText(std::string_view text) {
        if (m_stripNext)
            while (!text.empty() && blank(text.front()))
                text.remove_prefix(1);
        // A text of blanks alone leaves nothing to begin a line with.
        m_lineStart = text.empty() ? m_lineStart : text.back() == '\n';
        m_stripNext = false;
        if (!text.empty())
            m_tokens.push_back({Token::Text, std::string(text)});
    }

    // lstrip_blocks: blanks between the start of a line and a tag that prints nothing.
    std::string_view trimmedBefore(std::string_view text, char kind, char sign) const {
        if (sign == '-') {
            while (!text.empty() && blank(text.back()))
                text.remove_suffix(1);
            return text;
        }
        if (kind == '{' || sign == '+')
            return text;
        std::size_t end = text.size();
        while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'))
            --end;
        const bool lineStart = end > 0 ? text[end - 1] == '\n' : m_lineStart;
        return lineStart ? text.substr(0, end) : text;
    }

    // trim_blocks: one line break behind a tag that prints nothing.
    void close(char kind, char sign) {
        m_stripNext = sign == '-';
        m_lineStart = false;
        if (kind == '{' || sign == '+' || m_stripNext)
            return;
        if (m_rest.starts_with("\r\n"))
            m_rest.remove_prefix(2);
        else if (m_rest.starts_with('\n'))
            m_rest.remove_prefix(1);
        else
            return;
        m_lineStart = true;
    }

    void comment() {
        const std::size_t end = m_rest.find("#}");
        if (end == m_rest.npos)
            throw Error("a comment that does not end");
        const char sign = end > 0 ? m_rest[end - 1] : ' ';
        m_rest.remove_prefix(end + 2);
        close('#', sign);
    }

    void contents(char kind) {
        const std::string_view closing = kind == '{' ? "}}" : "%}";
        add(kind == '{' ? Token::BeginPrint : Token::BeginStatement, "a tag");
        for (int depth = 0;;) {
            while (!m_rest.empty() && blank(m_rest.front()))
                m_rest.remove_prefix(1);
            if (m_rest.empty())
                throw Error("a tag that does not end");
            const char sign = m_rest.front();
            const bool isSigned = (sign == '-' || sign == '+') && m_rest.substr(1).starts_with(closing);
            if (depth == 0 && (isSigned || m_rest.starts_with(closing))) {
                m_rest.remove_prefix(closing.size() + (isSigned ? 1 : 0));
                add(kind == '{' ? Token::EndPrint : Token::EndStatement, "the end of a tag");
                close(kind, isSigned ? sign : ' ');
                return;
            }
            depth += word();
        }
    }

    // One word; how much deeper in brackets it leads.
    int word() {
        const char c = m_rest.front();
        if (c == '\'' || c == '"') {
            string(c);
        } else if (digit(c)) {
            number();
        } else if (letter(c)) {
            add(Token::Name, take(std::find_if_not(m_rest.begin(), m_rest.end(), letter) - m_rest.begin()));
        } else {
            static constexpr std::array kOperators = {"==", "!=", "<=", ">=", "//", "**"};
            std::ptrdiff_t size = 1;
            for (const char* op : kOperators)
                if (m_rest.starts_with(op))
                    size = 2;
            const std::string op = take(size);
            if (std::string_view("()[]{}+-*/%~|,.:=<>").find(op.front()) == std::string_view::npos &&
                size == 1)
                throw Error("the character '" + op + "' in a tag");
            add(Token::Operator, op);
            return op == "(" || op == "[" || op == "{" ? 1 : op == ")" || op == "]" || op == "}" ? -1 : 0;
        }
        return 0;
    }

    void number() {
        std::size_t size = 0;
        while (size < m_rest.size() && digit(m_rest[size]))
            ++size;
        const bool fraction = size + 1 < m_rest.size() && m_rest[size] == '.' && digit(m_rest[size + 1]);
        if (fraction)
            for (++size; size < m_rest.size() && digit(m_rest[size]);)
                ++size;
        if (size > 15)
            throw Error("a number too long");
        add(fraction ? Token::Float : Token::Integer, take(static_cast<std::ptrdiff_t>(size)));
    }

    void string(char quote) {
        std::string text;
        std::size_t at = 1;
        for (; at < m_rest.size() && m_rest[at] != quote; ++at) {
            if (m_rest[at] != '\\' || at + 1 == m_rest.size()) {
                text += m_rest[at];
                continue;
            }
            const char c = m_rest[++at];
            const std::size_t known = std::string_view("ntr\\'\"\n").find(c);
            if (known == std::string_view::npos)
                (text += '\\') += c; // as Python keeps it
            else if (c != '\n')
                text += "\n\t\r\\'\""[known];
        }
        if (at >= m_rest.size())
            throw Error("a string that does not end");
        m_rest.remove_prefix(at + 1);
        add(Token::String, std::move(text));
    }

    std::string take(std::ptrdiff_t size) {
        std::string taken(m_rest.substr(0, static_cast<std::size_t>(size)));
        m_rest.remove_prefix(static_cast<std::size_t>(size));
        return taken;
    }

    void add(Token::Kind kind, std::string text) { m_tokens.push_back({kind, std::move(text)}); }

    std::string_view m_rest;
    std::vector<Token> m_tokens;
    bool m_stripNext = false; // the tag before took the blanks behind it
    bool m_lineStart = true;  // nothing stands in this line yet
};

} // namespace

std::vector<Token> tokensOf(std::string_view source) {
    return Scanner(source).scan();
}

} // namespace fovea::jinja
