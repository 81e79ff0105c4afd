// The functions that bend: activations of the feed-forward, and the soft-cap of logits.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/activate.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/for_each-inl.h"
#include "core/kernels/cpu/soft_cap-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// x·σ(u): beyond e^88 the quotient is 0 anyway, and the exponential would leave the range of fp32.
template <class D, class V>
HWY_INLINE V timesSigmoid(D d, V x, V u) {
    const auto e = hn::Exp(d, hn::Min(hn::Neg(u), hn::Set(d, 88.f)));
    return hn::Div(x, hn::Add(hn::Set(d, 1.f), e));
}

struct SiluOf {
    template <class D, class V>
    HWY_INLINE V operator()(D d, V x) const {
        return timesSigmoid(d, x, x);
    }
};

// ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) is x·σ of twice the argument (Hendrycks and Gimpel, arXiv
// 1606.08415).
struct GeluTanhOf {
    template <class D, class V>
    HWY_INLINE V operator()(D d, V x) const {
        const auto bent = hn::MulAdd(hn::Mul(hn::Mul(x, x), x), hn::Set(d, 0.044715f), x);
        return timesSigmoid(d, x, hn::Mul(bent, hn::Set(d, 1.5957691216f)));
    }
};

// x·Φ(x), Φ(x) = ½·erfc(−x/√2). erfc(z) of z >= 0 is t·exp(−z² + P(t)), t = 1/(1 + z/2), with a Chebyshev fit
// P whose relative error is below 1.2e-7 (Press et al., Numerical Recipes, §6.2); erfc(−z) = 2 − erfc(z).
struct GeluOf {
    template <class D, class V>
    HWY_INLINE V operator()(D d, V x) const {
        const auto z = hn::Mul(hn::Abs(x), hn::Set(d, 0.70710678118f));
        const auto one = hn::Set(d, 1.f);
        const auto t = hn::Div(one, hn::MulAdd(z, hn::Set(d, 0.5f), one));
        auto p = hn::Set(d, 0.17087277f);
        for (const float c : {-0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f, 0.09678418f,
                              0.37409196f, 1.00002368f, -1.26551223f})
            p = hn::MulAdd(p, t, hn::Set(d, c));
        const auto power = hn::Max(hn::NegMulAdd(z, z, p), hn::Set(d, -87.f));
        const auto tail = hn::Mul(hn::Mul(t, hn::Exp(d, power)), hn::Set(d, 0.5f));
        return hn::Mul(x, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail)));
    }
};

struct ReluOf {
    template <class D, class V>
    HWY_INLINE V operator()(D d, V x) const {
        return hn::Max(x, hn::Zero(d));
    }
};

template <class Function>
struct Apply {
    float* x;
    const float* times;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto y = Function()(d, hn::LoadU(d, x + i));
        hn::StoreU(times ? hn::Mul(y, hn::LoadU(d, times + i)) : y, d, x + i);
    }
};

void activateTarget(Activation activation, float* x, const float* times, std::int64_t n) {
    switch (activation) {
    case Activation::Silu:
        return forEach(n, Apply<SiluOf>{x, times});
    case Activation::Gelu:
        return forEach(n, Apply<GeluOf>{x, times});
    case Activation::GeluTanh:
        return forEach(n, Apply<GeluTanhOf>{x, times});
    case Activation::Relu:
        return forEach(n, Apply<ReluOf>{x, times});
    }
}

void softcapTarget(float* x, std::int64_t n, float cap) {
    capLogits(x, n, cap);
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(activateTarget);
HWY_EXPORT(softcapTarget);

void activate(Activation activation, float* x, const float* times, std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(activateTarget)(activation, x, times, n);
}

void softcap(float* x, std::int64_t n, float cap) {
    HWY_DYNAMIC_DISPATCH(softcapTarget)(x, n, cap);
}

} // namespace fovea::cpu
#endif
