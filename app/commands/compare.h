#pragma once
// `fovea compare`: several plans on one prompt, held against the first.

namespace CLI {
class App;
}

namespace fovea {

void addCompareCommand(CLI::App& program);

} // namespace fovea
