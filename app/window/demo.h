#pragma once
// `fovea demo --out DIR`: the window's tour without a display. Opens the very same window, runs both plans,
// drags the sliders, saves the pictures, the comparison and the trace, and says how quick the interface was.

namespace CLI {
class App;
}

namespace fovea {

void addDemoCommand(CLI::App& program);

} // namespace fovea
