#pragma once
// `fovea bench decode`: whole steps of a model of random weights under several plans, beside the read bandwidth of the
// same run.

namespace CLI {
class App;
}

namespace fovea {

void addDecodeBench(CLI::App& bench);

} // namespace fovea
