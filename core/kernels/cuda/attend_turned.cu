// Launches attend_turned.cuh behind attendAll.

#include "core/kernels/cuda/attend_turned.cuh"

#include <stdexcept>

#include "core/kernels/cuda/coded_rows.cuh"
#include "core/kernels/cuda/float_rows.cuh"
#include "core/kernels/cuda/span_of_step.h"

namespace fovea::cuda {
namespace {

template <class Rows>
void launchTurned(const TurnedArguments& a, Stream stream) {
    const auto blocks = static_cast<unsigned>((a.turned.heads + kTurnedHeads - 1) / kTurnedHeads);
    launch(addTurned<Rows>, dim3(blocks), dim3(kAttendThreads), 0, stream, a);
}

void chooseRows(const AttendAll& step, const TurnedArguments& a, Stream stream) {
    switch (step.codes.bits) {
    case 8:
        return launchTurned<CodedRows<8, 1, kWarp>>(a, stream);
    case 4:
        return launchTurned<CodedRows<4, 4, kWarp>>(a, stream);
    case 3:
        return launchTurned<CodedRows<3, 4, kWarp>>(a, stream);
    case 2:
        return launchTurned<CodedRows<2, 4, kWarp>>(a, stream);
    default:
        break;
    }
    switch (step.type) {
    case ElementType::F32:
        return launchTurned<FloatRows<float, kWarp>>(a, stream);
    case ElementType::F16:
        return launchTurned<FloatRows<__half, kWarp>>(a, stream);
    case ElementType::BF16:
        return launchTurned<FloatRows<__nv_bfloat16, kWarp>>(a, stream);
    }
}

} // namespace

void attendAll(const AttendAll& step, const TurnedSlots& turned, Stream stream) {
    if (const std::string why = refusal(step, turned); !why.empty())
        throw std::invalid_argument(why);
    AttendAll others = step;
    others.report.tops = turned.scratch;
    others.report.sums = turned.scratch + step.heads;
    attendAll(others, stream);
    if (turned.count == 0)
        return;
    const TurnedHeads heads = {turned.slots, turned.count,       turned.q,
                               step.heads,   others.report.tops, others.report.sums};
    if (step.mixed.any())
        return addTurnedMixedRows(step, heads, stream);
    chooseRows(step, {spanArguments(step), heads}, stream);
}

} // namespace fovea::cuda
