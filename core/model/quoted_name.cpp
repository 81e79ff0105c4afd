#include "core/model/quoted_name.h"

namespace fovea {

std::string quotedName(std::string_view name) {
    std::string text = "'";
    for (const char c : name.substr(0, 80))
        text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    text += name.size() > 80 ? "…'" : "'";
    return text;
}

} // namespace fovea
