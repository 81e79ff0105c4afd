#pragma once
// `fovea bench attention`: one layer's decode attention under several plans, beside the read bandwidth of the
// same run.

namespace CLI {
class App;
}

namespace fovea {

void addBenchCommand(CLI::App& program);

} // namespace fovea
