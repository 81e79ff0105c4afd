#pragma once
// `fovea check`: two backends on the same tokens, and where they differ most.

namespace CLI {
class App;
}

namespace fovea {

void addCheckCommand(CLI::App& program);

} // namespace fovea
