// Launches attend_turned_mixed.cuh for each store of mixed rows.

#include "core/kernels/cuda/attend_turned_mixed.cuh"

#include "core/kernels/cuda/cq_rows.cuh"
#include "core/kernels/cuda/kivi_rows.cuh"
#include "core/kernels/cuda/kvquant_rows.cuh"
#include "core/kernels/cuda/span_of_step.h"

namespace fovea::cuda {
namespace {

template <class Rows>
void launchTurnedMixed(const TurnedMixedArguments& a, Stream stream) {
    launch(addTurnedMixed<Rows>, dim3(static_cast<unsigned>(a.turned.heads)), dim3(kAttendThreads),
           turnedMixedBytes<Rows>(), stream, a);
}

void ofKivi(const TurnedMixedArguments& a, Stream stream) {
    switch (a.all.mixed.bits) {
    case 8:
        return launchTurnedMixed<KiviRows<8, kWarp>>(a, stream);
    case 4:
        return launchTurnedMixed<KiviRows<4, kWarp>>(a, stream);
    case 3:
        return launchTurnedMixed<KiviRows<3, kWarp>>(a, stream);
    default:
        return launchTurnedMixed<KiviRows<2, kWarp>>(a, stream);
    }
}

void ofKvquant(const TurnedMixedArguments& a, Stream stream) {
    switch (a.all.mixed.bits) {
    case 4:
        return launchTurnedMixed<KvquantRows<4, kWarp>>(a, stream);
    case 3:
        return launchTurnedMixed<KvquantRows<3, kWarp>>(a, stream);
    default:
        return launchTurnedMixed<KvquantRows<2, kWarp>>(a, stream);
    }
}

void ofCq(const TurnedMixedArguments& a, Stream stream) {
    switch (a.all.mixed.channels) {
    case 1:
        return launchTurnedMixed<CqRows<1, kWarp>>(a, stream);
    case 2:
        return launchTurnedMixed<CqRows<2, kWarp>>(a, stream);
    case 4:
        return launchTurnedMixed<CqRows<4, kWarp>>(a, stream);
    default:
        return launchTurnedMixed<CqRows<8, kWarp>>(a, stream);
    }
}

} // namespace

void addTurnedMixedRows(const AttendAll& step, const TurnedHeads& turned, Stream stream) {
    TurnedMixedArguments a{{spanArguments(step), step.mixed, step.type}, turned};
    a.all.span.q = turned.q;
    switch (step.mixed.kind) {
    case MixedKind::Kivi:
        return ofKivi(a, stream);
    case MixedKind::Kvquant:
        return ofKvquant(a, stream);
    default:
        return ofCq(a, stream);
    }
}

} // namespace fovea::cuda
