#include "core/model/quoted_name.h"

#include <algorithm>

namespace fovea {

std::string withoutControls(std::string_view text) {
    std::string shown(text);
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
        '?');
    return shown;
}

std::string quotedName(std::string_view name) {
    return '\'' + withoutControls(name.substr(0, 80)) + (name.size() > 80 ? "…'" : "'");
}

} // namespace fovea
