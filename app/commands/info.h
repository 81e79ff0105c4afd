#pragma once
// `fovea info`: a model's shape, memory, tokenizer, and what one token costs.

namespace CLI {
class App;
}

namespace fovea {

void addInfoCommand(CLI::App& program);

} // namespace fovea
