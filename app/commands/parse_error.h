#pragma once
// What CLI11 says of an option that it cannot take, as one sentence that names the word and what to do.

#include <string>

namespace CLI {
class App;
class ParseError;
} // namespace CLI

namespace fovea {

std::string parseErrorLine(const CLI::App& program, const CLI::ParseError& error);

} // namespace fovea
