#pragma once
// Problems for the kernels between a model's matrices, and their answers in double precision by the definitions.

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernels/cuda/model_kernels.h"

namespace fovea::cuda {

struct NormCase {
    bool centred = false;
    ElementType type = ElementType::F32;
    int n = 1;
    std::int64_t rows = 1;
    bool inPlace = false;
    float shift = 0;
    float epsilon = 1e-5f;
    std::vector<float> x = {}; // (rows, n); made up where empty

    std::vector<float> values() const;
    std::vector<float> gain() const;
    std::vector<float> run(Stream stream) const;
    std::vector<double> truth() const;
    std::string text() const;
};

struct RopeCase {
    int heads = 1, headDim = 2, pairs = 1;
    std::int64_t rows = 1;

    std::vector<float> x() const;
    std::vector<float> angles() const; // (rows, pairs)
    std::vector<float> run(Stream stream) const;
    std::vector<double> truth() const;
};

// x (n) = activation(x)·times
std::vector<float> runActivation(Activation activation, const std::vector<float>& x,
                                 const std::vector<float>& times, Stream stream);
double activationTruth(Activation activation, double x);

} // namespace fovea::cuda
