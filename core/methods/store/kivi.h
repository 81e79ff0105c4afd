#pragma once
// KIVI: keys have channels that are large in every token, values have none. So keys are rounded per channel, over g
// tokens that follow each other, and values per token, over g channels; the newest tokens stay as they are until
// there are enough of them. Nothing is calibrated.
//
// Paper     Liu, Yuan, Jin, Zhong, Xu, Braverman, Chen, Hu, "KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV
//           Cache", arXiv 2402.02750 (papers: kivi), section 3 and Algorithm 1
// Symbols   b bits, g group, R residual, T tokens cached (the current one included), d head_dim, Q = 2^b − 1; of a
//           group: m its least value, s its scale
// Code      s = (max − m) / Q;  q = clamp(round((x − m)/s), 0, Q);  x̂ = q·s + m           round: half to even
// Keys      after RoPE. The newest T mod R tokens are exact; when there are R of them they are rounded in bulk, R/g
//           groups per channel. Token t belongs to group ⌊t/g⌋ of the text, however many tokens there are.
// Values    The newest min(T, R) tokens are exact; each token that leaves them is rounded by itself.
// Residual  R is a multiple of g. R = 0 rounds every token, the last group of keys being the shorter one: the paper's
//           study of what to round along which dimension (its tables 1 and 2), to be evaluated on whole texts. A cache
//           cannot hold it: a group that grows would be rounded again and again.
// Differs   a group of values is the shorter one where g does not divide d. A constant group would be 0/0: s is at
//           least 1e-5 / Q, so its codes are 0 and m comes back. The quotient is formed in fp64 (rtn.h says why).
//           The authors pad that study's last group with zeros; here it has its own range.
// Held      s and m in binary16, and codes are chosen under them as held (RtnScale::Held), so that each is the
//           nearest to what will be read; the authors' code rounds in the model's type.
// Defaults  b = 2, g = 32, R = 128 as in the paper's experiments.

#include <cstdint>

namespace fovea {

struct KiviParams {
    int bits = 2;       // b: 8, 4, 3 or 2
    int group = 32;     // g: 32, 64 or a multiple of 128
    int residual = 128; // R: 0 or a multiple of g, at most kMostResidual

    static constexpr int kMostResidual = 4096;

    int levels() const { return (1 << bits) - 1; } // Q
    bool operator==(const KiviParams&) const = default;
};

// Bits, group and residual as they are listed above.
bool kiviFits(const KiviParams& params);

// The newest of `tokens` cached that are exact.
std::int64_t kiviExactKeys(const KiviParams& params, std::int64_t tokens);
std::int64_t kiviExactValues(const KiviParams& params, std::int64_t tokens);

// Formula: bytes held of one KV head's keys (values) of `tokens` tokens, exact ones in `exactBytes` per number:
//     keys     (T − x)·⌈b·d/8⌉ + 4·d·⌈(T − x)/g⌉ + x·d·e,  x = kiviExactKeys
//     values   (T − x)·(⌈b·d/8⌉ + 4·⌈d/g⌉)     + x·d·e,  x = kiviExactValues
std::int64_t predictKiviKeyBytes(const KiviParams& params, std::int64_t tokens, int headDim, int exactBytes);
std::int64_t predictKiviValueBytes(const KiviParams& params, std::int64_t tokens, int headDim,
                                   int exactBytes);

// The same in bits per number, where g divides d and T: b_eff = b + 32/g, and exact numbers in 16 bits.
//     K  (b_eff·(T − T mod R) + 16·(T mod R)) / T        V  (b_eff·(T − min(T, R)) + 16·min(T, R)) / T
double kiviKeyBits(const KiviParams& params, std::int64_t tokens);
double kiviValueBits(const KiviParams& params, std::int64_t tokens);

} // namespace fovea
