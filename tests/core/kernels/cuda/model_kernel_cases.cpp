#include "tests/core/kernels/cuda/model_kernel_cases.h"

#include <cmath>

#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {

std::string NormCase::text() const {
    return std::string(centred ? "layer" : "rms") + " norm " + std::string(elementName(type)) +
           " n=" + std::to_string(n) + " rows=" + std::to_string(rows);
}

std::vector<float> NormCase::values() const {
    return x.empty() ? madeUp(static_cast<std::size_t>(rows * n), 1) : x;
}

std::vector<float> NormCase::gain() const {
    return rounded(type, madeUp(static_cast<std::size_t>(n), 2));
}

std::vector<float> NormCase::run(Stream stream) const {
    const Guarded<float> from(values());
    const Guarded<float> to(values().size());
    const machine::Buffer gains = machine::upload(stored(type, gain()));
    NormRows step;
    step.centred = centred;
    step.epsilon = epsilon;
    step.shift = shift;
    step.type = type;
    step.gain = gains.data();
    step.x = from.data();
    step.y = inPlace ? from.data() : to.data();
    step.n = n;
    step.rows = rows;
    norm(step, stream);
    machine::finish();
    return (inPlace ? from : to).read("y");
}

std::vector<double> NormCase::truth() const {
    const std::vector<float> from = values(), gains = gain();
    std::vector<double> y(from.size());
    for (std::int64_t row = 0; row < rows; ++row) {
        const float* const v = from.data() + row * n;
        double mean = 0, square = 0;
        for (int i = 0; centred && i < n; ++i)
            mean += double{v[i]} / n;
        for (int i = 0; i < n; ++i)
            square += (v[i] - mean) * (v[i] - mean) / n;
        for (int i = 0; i < n; ++i)
            y[static_cast<std::size_t>(row * n + i)] = (v[i] - mean) / std::sqrt(square + epsilon) *
                                                       (double{gains[static_cast<std::size_t>(i)]} + shift);
    }
    return y;
}

std::vector<float> RopeCase::x() const {
    return madeUp(static_cast<std::size_t>(rows * heads * headDim), 3);
}

std::vector<float> RopeCase::angles() const {
    return madeUp(static_cast<std::size_t>(rows * pairs), 4);
}

std::vector<float> RopeCase::run(Stream stream) const {
    std::vector<float> cosines, sines;
    for (const float angle : angles()) {
        cosines.push_back(std::cos(angle));
        sines.push_back(std::sin(angle));
    }
    const Guarded<float> turned(x());
    const machine::Buffer cosine = machine::upload(cosines), sine = machine::upload(sines);
    RopeRows step;
    step.x = turned.data();
    step.heads = heads;
    step.headDim = headDim;
    step.pairs = pairs;
    step.cosine = static_cast<const float*>(cosine.data());
    step.sine = static_cast<const float*>(sine.data());
    step.rows = rows;
    rope(step, stream);
    machine::finish();
    return turned.read("x");
}

std::vector<double> RopeCase::truth() const {
    const std::vector<float> before = x(), by = angles();
    std::vector<double> after(before.begin(), before.end());
    for (std::int64_t head = 0; head < rows * heads; ++head)
        for (int i = 0; i < pairs; ++i) {
            const double angle = by[static_cast<std::size_t>(head / heads * pairs + i)];
            const auto a = static_cast<std::size_t>(head * headDim + i),
                       b = a + static_cast<std::size_t>(pairs);
            after[a] = before[a] * std::cos(angle) - before[b] * std::sin(angle);
            after[b] = before[b] * std::cos(angle) + before[a] * std::sin(angle);
        }
    return after;
}

std::vector<float> runActivation(Activation activation, const std::vector<float>& x,
                                 const std::vector<float>& times, Stream stream) {
    const Guarded<float> bent(x);
    const machine::Buffer by = machine::upload(times);
    ActivateRows step;
    step.activation = activation;
    step.x = bent.data();
    step.times = times.empty() ? nullptr : static_cast<const float*>(by.data());
    step.n = static_cast<std::int64_t>(x.size());
    activate(step, stream);
    machine::finish();
    return bent.read("x");
}

double activationTruth(Activation activation, double x) {
    switch (activation) {
    case Activation::Silu:
        return x / (1 + std::exp(-x));
    case Activation::Gelu:
        return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::GeluTanh: { // 1 + tanh(u) = 2/(1 + e^-2u), which keeps its digits where u is far below 0
        const double u = std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
        return x / (1 + std::exp(-2 * u));
    }
    case Activation::Relu:
        return x > 0 ? x : 0;
    }
    return x;
}

} // namespace fovea::cuda
