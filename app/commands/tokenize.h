#pragma once
// `fovea tokenize`: the token ids of a text, as a listing or as JSON.

namespace CLI {
class App;
}

namespace fovea {

void addTokenizeCommand(CLI::App& program);

} // namespace fovea
