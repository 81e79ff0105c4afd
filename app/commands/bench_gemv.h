#pragma once

namespace CLI {
class App;
}

namespace fovea {

// `fovea bench gemv`: the product of a matrix and vectors, in every form that weights lie in.
void addGemvBench(CLI::App& bench);

} // namespace fovea
