#pragma once
// `fovea calibrate`: learns from a text how to round a model, and saves what it learnt beside it.

namespace CLI {
class App;
}

namespace fovea {

// `version` is the program's, for the provenance that is saved.
void addCalibrateCommand(CLI::App& program, const char* version);

} // namespace fovea
