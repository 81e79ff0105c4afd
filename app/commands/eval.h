#pragma once
// `fovea eval`: plans judged by a task, beside dense attention on the same texts.

namespace CLI {
class App;
}

namespace fovea {

void addEvalCommand(CLI::App& program);

} // namespace fovea
