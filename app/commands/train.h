#pragma once
// `fovea train`: makes a small Llama with grouped queries out of text, as a Hugging Face folder.

namespace CLI {
class App;
}

namespace fovea {

void addTrainCommand(CLI::App& program);

} // namespace fovea
