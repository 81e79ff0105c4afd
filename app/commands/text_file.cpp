#include "app/commands/text_file.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include "app/commands/usage_error.h"

namespace fovea {

namespace {

constexpr std::size_t kLongest = std::size_t{64} << 20; // bytes; no context holds more

std::string readAll(std::istream& in, const std::string& what) {
    std::string text;
    char buffer[1 << 16];
    while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
        text.append(buffer, static_cast<std::size_t>(in.gcount()));
        if (text.size() > kLongest)
            throw UsageError(what + " is larger than 64 MiB, name a shorter text");
    }
    return text;
}

} // namespace

std::string readTextFile(const std::string& name, const std::string& option) {
    const std::string what = option + ' ' + name;
    if (name == "-")
        return readAll(std::cin, what);
    std::error_code ignored;
    if (std::filesystem::is_directory(name, ignored))
        throw UsageError(what + " is a folder, name a text file");
    std::ifstream in(name, std::ios::binary);
    if (!in)
        throw UsageError(what + " cannot be read, name a text file that exists");
    return readAll(in, what);
}

} // namespace fovea
