#pragma once
// The words of a chat template. Chat templates are written in Jinja, a language of the Python world for which
// Debian has no C++ library; the part of it that they use is read here. What is not is refused, and the
// template with it.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::jinja {

// What the template has that is not understood, or what it says itself is wrong with the conversation.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct Token {
    enum Kind {
        Text,
        BeginPrint,
        EndPrint,
        BeginStatement,
        EndStatement,
        Name,
        String,
        Integer,
        Float,
        Operator,
        End
    };
    Kind kind = End;
    std::string text;
};

// Blanks around tags are left out as transformers has it: trim_blocks, lstrip_blocks, and the template's last
// line break is none. Throws Error.
std::vector<Token> tokensOf(std::string_view source);

} // namespace fovea::jinja
