#pragma once
// `fovea generate`: continue a prompt under a plan, as text or as JSON with every step's bytes.

namespace CLI {
class App;
}

namespace fovea {

void addGenerateCommand(CLI::App& program);

} // namespace fovea
