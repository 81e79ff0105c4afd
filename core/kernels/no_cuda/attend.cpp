// core/kernels/cuda/attend.h and attend_turned.h in a build without nvcc. What needs no GPU (attend_shape.cpp) is the same in both builds.

#include "core/kernels/cuda/attend_turned.h"

#include <stdexcept>

namespace fovea::cuda {

void attendAll(const AttendAll&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

void attendAll(const AttendAll&, const TurnedSlots&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

void attendList(const AttendAll&, const SlotLists&, const MeanValue&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

void addListedValues(const AttendAll&, const SlotLists&, const KnownLogits&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
