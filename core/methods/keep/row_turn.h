#pragma once
// RoPE beyond the position a row was written at: turns rows that already went through RoPE by more positions,
// forward or back. Rotations add up, so R(b)·R(a)x = R(a + b)x, and q·R(n)k = R(-n)q·k.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace fovea {

struct ModelSpec;

class RowTurn {
public:
    // Of the given layer's RoPE, which must not change with the length of the sequence (plans that turn are
    // refused for models whose does).
    RowTurn(const ModelSpec& spec, int layer);

    // rows (…, n, d) fp32 turned by `by` (n) int64 positions each.
    at::Tensor rows(const at::Tensor& rows, const at::Tensor& by) const;
    // All of them by the same.
    at::Tensor rows(const at::Tensor& rows, std::int64_t by) const;

private:
    at::Tensor m_frequency; // (rotated/2) fp64, radians per position
};

} // namespace fovea
