#pragma once
// Text that arrives in parts: a byte token may carry half a character, which a terminal must not see alone.

#include <string>
#include <string_view>

namespace fovea {

class Utf8Stream {
public:
    // What is complete by now of everything added; bytes that can begin no character pass as they are.
    std::string add(std::string_view bytes);
    // What was held back, at the end.
    std::string rest();

private:
    std::string m_held; // the first bytes of a character, at most three
};

} // namespace fovea
