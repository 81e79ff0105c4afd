#include "core/train/adamw.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

namespace fovea {

AdamW::AdamW(std::vector<at::Tensor> parameters, const AdamWOptions& options)
    : m_options(options), m_parameters(std::move(parameters)) {
    const at::NoGradGuard noGrad;
    for (const at::Tensor& p : m_parameters) {
        m_first.push_back(at::zeros_like(p));
        m_second.push_back(at::zeros_like(p));
    }
}

void AdamW::step(double rate) {
    const at::NoGradGuard noGrad;
    const AdamWOptions& o = m_options;
    ++m_steps;
    const auto t = static_cast<double>(m_steps);
    const double unbias1 = 1 - std::pow(o.beta1, t), unbias2 = 1 - std::pow(o.beta2, t); // lines 9 and 10
    for (std::size_t i = 0; i < m_parameters.size(); ++i) {
        const at::Tensor &p = m_parameters[i], &m = m_first[i], &v = m_second[i];
        at::Tensor& g = p.mutable_grad();
        if (p.dim() > 1)
            p.mul_(1 - rate * o.decay);
        m.mul_(o.beta1).add_(g, 1 - o.beta1);
        v.mul_(o.beta2).addcmul_(g, g, 1 - o.beta2);
        p.addcdiv_(m, v.sqrt().div_(std::sqrt(unbias2)).add_(o.epsilon), -rate / unbias1);
        g.reset();
    }
}

void clipGradients(const std::vector<at::Tensor>& parameters, double limit) {
    const at::NoGradGuard noGrad;
    double squares = 0;
    for (const at::Tensor& p : parameters)
        squares += std::pow(p.grad().norm().item<double>(), 2);
    const double norm = std::sqrt(squares);
    if (norm > limit)
        for (const at::Tensor& p : parameters)
            p.grad().mul_(limit / norm);
}

} // namespace fovea
