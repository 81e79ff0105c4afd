#pragma once
// Round to nearest (RTN): every run of g values along the last dimension is a group with a scale of its own, and each
// value becomes the nearest of 2^b evenly spaced ones. Nothing is calibrated and nothing searched: it is the quantiser
// that every other one is compared with. As weights=rtn it rounds every matrix of the layers, not the embedding nor the
// output head, and a step reads the codes instead of the floats.
//
// Paper     Li, Ning, et al., "Evaluating Quantized Large Language Models", arXiv 2402.18158 (papers: qllm-eval), and
//           the authors' code, thu-nics/qllm-eval
// Symbols   b bits, g group, s scale and z zero of a group, x a value, q its code, Q = 2^b − 1, M = 2^(b−1) − 1
// asym      s = max(xmax − xmin, 1e-5) / Q;  z = clamp(−round(xmin/s), 0, Q);
//           q = clamp(round(x/s) + z, 0, Q);  x̂ = (q − z)·s                        round: half to even
// sym       s = max(max|x|, 1e-5) / M;  q = clamp(round(x/s), −M − 1, M);  x̂ = q·s
// Clamped   z is clamped, in the authors' code and so in the study: a group that does not straddle 0 loses what lies
//           beyond Q·s of it ([10, 10.5, 11] at 4 bits becomes 1 three times). Weights straddle 0 in all but the
//           strangest groups.
// Free      ours, not the study's: z is any integer that 16 bits hold. For that s is at least max|x| / 21000, which
//           also makes a constant group come back within one part in 42000.
// Differs   the last group of a row is the shorter one where g does not divide it (the authors' code refuses such rows).
//           What is held is held in 16 bits: s is rounded to binary16 before codes are chosen, so that they are the
//           nearest to what will be read; the authors' code rounds in whatever type the model has.
//           Quotients are formed in fp64, as the formula would have them: ties are then ties ([−1, 0, .3, 1] at 4 bits
//           begins with round(−7.5), which fp32 would miss).
//           NaN and infinities go through the formula (rtn_truth.h); packing them is refused.
// Held      per row of n values: 2·⌈n/g⌉ bytes of scales in binary16; of zeros ⌈b·⌈n/g⌉/8⌉ (clamped), 2·⌈n/g⌉ (free)
//           or none (sym, whose zero is 2^(b−1)); ⌈b·n/8⌉ of codes. Where n is a multiple of g that is b_eff
//           bits per value: b + (16 + b)/g, b + 32/g, b + 16/g.
// Default   b = 4, g = 128, asym, clamped, as the study's W.

#include <cstdint>
#include <optional>
#include <variant>

namespace fovea {

struct RtnParams {
    enum class Mode : std::uint8_t { Asymmetric, Symmetric };
    enum class Zero : std::uint8_t { Clamped, Free };

    int bits = 4;    // 8, 4, 3 or 2
    int group = 128; // 32, 64 or a multiple of 128
    Mode mode = Mode::Asymmetric;
    Zero zero = Zero::Clamped; // says nothing in sym

    int levels() const { return (1 << bits) - 1; } // Q
    // The zero of every group in sym, where codes are held as q + 2^(b−1).
    int middle() const { return 1 << (bits - 1); }
    bool operator==(const RtnParams&) const = default;
};

// The checkpoint's own; the default.
struct OwnWeights {
    bool operator==(const OwnWeights&) const = default;
};
// Codes that `fovea calibrate` learnt from a text (core/calibrate) and that lie in a folder beside the model. Their rows
// are those of RTN, asym and clamped: what was learnt is which codes and scales stand in them.
struct CalibratedWeights {
    enum class Method : std::uint8_t { Awq, Gptq };

    Method method = Method::Awq;
    int bits = 4;    // as RtnParams
    int group = 128; // as RtnParams

    bool operator==(const CalibratedWeights&) const = default;
};
using WeightCodes = std::variant<OwnWeights, RtnParams, CalibratedWeights>;

// The packed rows that a plan's matrices are held in; nothing for the checkpoint's own.
std::optional<RtnParams> packedRows(const WeightCodes& weights);

inline constexpr int kRtnBits[] = {8, 4, 3, 2};
inline constexpr double kLeastRange = 1e-5; // of a group, so that no scale is 0
// Of zero=free, before s is rounded: small scales are subnormal in binary16 and may lose a third.
inline constexpr double kMostFreeZero = 21000;
inline constexpr float kMostScale = 65504; // of binary16

// Can kernels read it? Bits and groups as they are listed above.
bool rtnFits(const RtnParams& params);

// Where the parts of a packed row lie, in bytes from its beginning: scales, then zeros, then codes to the end.
struct RtnRow {
    std::int64_t groups = 0, zeros = 0, codes = 0, bytes = 0;
};
RtnRow rtnRow(const RtnParams& params, std::int64_t columns);
// Formula: bytes of a packed matrix, and bits per weight, metadata included.
std::int64_t predictRtnBytes(const RtnParams& params, std::int64_t rows, std::int64_t columns);
double effectiveBits(const RtnParams& params, std::int64_t columns);

} // namespace fovea
