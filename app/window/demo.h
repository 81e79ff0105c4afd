#pragma once
// `fovea demo --out DIR`: the window and its tour, drawn without a display.

namespace CLI {
class App;
}

namespace fovea {

void addDemoCommand(CLI::App& program);

} // namespace fovea
