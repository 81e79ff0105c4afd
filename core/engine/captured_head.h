#pragma once
// The captured K and V of one KV head as a plan's store holds them: what a replay of that plan attends over.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/methods/store/store.h"

namespace fovea {

class Capture;

// rows (n, d) fp32 through the codes of `store`; themselves where it has none.
at::Tensor asStored(const at::Tensor& rows, const Store& store);

struct CapturedHead {
    at::Tensor keys, values; // (tokens, d) fp32, through the codes where rows are coded
    at::Tensor floats;       // (tokens, d) K as it came, which is what a copy of K is made of

    // Of the first `tokens`. Where rows are floats these are the captured ones themselves: they must outlive it, and the
    // rounding to two bytes, which a picture would not show, is left out.
    CapturedHead(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead);
};

} // namespace fovea
