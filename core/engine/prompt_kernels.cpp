#include "core/engine/prompt_kernels.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "core/engine/parameter.h"
#include "core/engine/prompt_product.h"
#include "core/engine/session.h"
#include "core/kernels/cpu/kernels.h"

namespace fovea {

namespace {

constexpr std::int64_t kRowsPerTask = 8, kFloatsPerTask = 1 << 14;

at::Tensor normalised(const ModelSpec& spec, const Gain& w, const at::Tensor& x) {
    const at::Tensor rows = x.to(at::kFloat).contiguous();
    const at::Tensor y = at::empty(rows.sizes(), at::kFloat);
    const GainParameters by(w);
    const cpu::NormShape shape{spec.norm, spec.normEpsilon, spec.normShift};
    const float* const from = rows.data_ptr<float>();
    float* const to = y.data_ptr<float>();
    const std::int64_t n = rows.size(-1);
    at::parallel_for(
        0, n == 0 ? 0 : rows.numel() / n, kRowsPerTask, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t row = first; row < last; ++row) {
                cpu::norm(shape, by.gain.type(), by.gain.data(), from + row * n, to + row * n, n);
                if (by.bias.defined())
                    cpu::add(by.bias.type(), by.bias.data(), to + row * n, n);
            }
        });
    return y;
}

// In place: heads (1, heads, T, d) as a projection left them, token by token, or as a norm did, head by head.
at::Tensor rotated(const at::Tensor& heads, const at::Tensor& cos, const at::Tensor& sin) {
    if (heads.size(0) != 1 || heads.scalar_type() != at::kFloat || heads.stride(3) != 1)
        return {};
    const at::Tensor cosines = cos.contiguous(), sines = sin.contiguous(); // (T, half)
    const auto half = static_cast<std::size_t>(cosines.size(-1));
    const int n = static_cast<int>(heads.size(1)), d = static_cast<int>(heads.size(3));
    const bool together = heads.stride(1) == d; // a token's heads
    float* const x = heads.data_ptr<float>();
    const auto ofToken = [half](const at::Tensor& angles, std::int64_t t) {
        return std::span(angles.data_ptr<float>() + t * static_cast<std::int64_t>(half), half);
    };
    at::parallel_for(0, heads.size(2), kRowsPerTask, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t t = first; t < last; ++t) {
            float* const token = x + t * heads.stride(2);
            if (together)
                cpu::rope(token, n, d, ofToken(cosines, t), ofToken(sines, t));
            for (int head = 0; !together && head < n; ++head)
                cpu::rope(token + head * heads.stride(1), 1, d, ofToken(cosines, t), ofToken(sines, t));
        }
    });
    return heads;
}

// In place.
at::Tensor activated(Activation activation, const at::Tensor& x, const at::Tensor& times) {
    const bool fit = x.is_contiguous() && (!times.defined() || times.is_contiguous());
    if (!fit || x.scalar_type() != at::kFloat)
        return {};
    float* const to = x.data_ptr<float>();
    const float* const by = times.defined() ? times.data_ptr<float>() : nullptr;
    at::parallel_for(0, x.numel(), kFloatsPerTask, [&](std::int64_t first, std::int64_t last) {
        cpu::activate(activation, to + first, by ? by + first : nullptr, last - first);
    });
    return x;
}

} // namespace

PassKernels promptKernels(Backend backend, const Model& model, const Acts& acts) {
    PassKernels kernels{.product = promptProduct(backend, model, acts)};
    if (backend == Backend::Cpu) {
        kernels.norm = normalised;
        kernels.rotate = rotated;
        kernels.activate = activated;
    }
    return kernels;
}

} // namespace fovea
