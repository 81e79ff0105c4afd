#pragma once
// Quantised activations: what a layer's matrices are given is rounded, each token's row by itself and anew at every step
// (dynamic, per token), and products are formed of whole numbers. The output head and the embedding stay as they are, and
// so do K and V, which are a store's.
//
// Papers    acts=rtn     Li, Ning, et al., "Evaluating Quantized Large Language Models", arXiv 2402.18158 (papers:
//                        qllm-eval), its WA, and the authors' code, thu-nics/qllm-eval, whose activations are asymmetric:
//                        one scale and one zero per token over the whole row, the zero clamped
//           acts=smooth  Xiao et al., SmoothQuant, arXiv 2211.10438 (papers: smoothquant), and the authors' code: symmetric,
//                        one scale per token, on the checkpoint whose outliers were moved into the weights
//                        (core/calibrate/smooth.h) and that `fovea calibrate --weights smooth` left beside the model
// Symbols   b bits, x a component of a token's row, s its scale and z its zero, Q = 2^b − 1, M = 2^(b−1) − 1
// asym      s = max(xmax − xmin, 1e-5) / Q;  z = clamp(−round(xmin/s), 0, Q);
//           X = clamp(round(x/s) + z, 0, Q) − z;  x̂ = X·s                          round: half to even
// sym       s = max(max|x|, 1e-5) / M;  X = clamp(round(x/s), −M − 1, M);  x̂ = X·s
// Product   y = Σ w·x̂ = s·Σ w·X. Where w are codes the sum is one of whole numbers (weights=rtn, awq and gptq; formed in
//           bytes where the machine can, else in floats from the same x̂); with other weights x̂ is multiplied as floats.
// Differs   s and quotients are formed in fp64, as the formula would have them, and s is then a float: the authors' code
//           rounds in the model's type. A row with a NaN or an infinity becomes NaN, where theirs stops the program.
// Bytes     none of its own: activations never leave the core's caches, and what a step reads of the weights is the same.
// Default   b = 8; α = .5, as SmoothQuant's paper.

#include <cstdint>
#include <optional>
#include <variant>

namespace fovea {

// As they come, in fp32; the default.
struct OwnActs {
    bool operator==(const OwnActs&) const = default;
};
struct RtnActs {
    int bits = 8; // or 4
    bool operator==(const RtnActs&) const = default;
};
struct SmoothActs {
    int bits = 8;      // or 4
    double alpha = .5; // of the calibration, 0 to 1
    bool operator==(const SmoothActs&) const = default;
};
using Acts = std::variant<OwnActs, RtnActs, SmoothActs>;

inline constexpr int kActBits[] = {8, 4};

// How a row is rounded, whatever came before.
struct ActGrid {
    int bits = 8;
    bool symmetric = false;

    int levels() const { return (1 << bits) - 1; }     // Q
    int most() const { return (1 << (bits - 1)) - 1; } // M
    // Does X leave the range of a signed byte? −z … Q − z does.
    bool isWide() const { return !symmetric && bits == 8; }
    bool operator==(const ActGrid&) const = default;
};
// Nothing for activations as they come.
std::optional<ActGrid> actGrid(const Acts& acts);

} // namespace fovea
