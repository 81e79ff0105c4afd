#pragma once
// AdamW: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace fovea {

struct AdamWOptions {
    double beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8;
    double decay = 0.01; // of matrices; vectors (norms) are not decayed
};

class AdamW {
public:
    // fp32 leaves that ask for gradients.
    explicit AdamW(std::vector<at::Tensor> parameters, const AdamWOptions& options = {});

    // Takes the gradients that have been added up, and clears them.
    void step(double rate);

    const std::vector<at::Tensor>& parameters() const { return m_parameters; }
    // Running means of the gradients and of their squares, shaped as the parameters; m and v of the paper.
    const std::vector<at::Tensor>& first() const { return m_first; }
    const std::vector<at::Tensor>& second() const { return m_second; }
    std::int64_t steps() const { return m_steps; }
    // After the means have been written to (copy_): how many steps they stand for.
    void setSteps(std::int64_t steps) { m_steps = steps; }

private:
    AdamWOptions m_options;
    std::vector<at::Tensor> m_parameters, m_first, m_second;
    std::int64_t m_steps = 0;
};

// Scales all gradients alike so that, taken together, their norm is at most `limit`.
void clipGradients(const std::vector<at::Tensor>& parameters, double limit);

} // namespace fovea
