#pragma once
// `fovea batch`: continue several prompts at once.

namespace CLI {
class App;
}

namespace fovea {

void addBatchCommand(CLI::App& program);

} // namespace fovea
