#pragma once
// Coupled Quantisation's rows as codes (cq.h). Truth: cqRows of one KV head, under centroids as held.
//
//     codes    d/c numbers of b bits, a string of bits, the lowest first

#include <memory>
#include <vector>

#include "core/cache/row_codec.h"
#include "core/methods/store/cq.h"

namespace fovea {

class PositionTurn;

MixedStore cqStore(const CqParams& params, int headDim);

// Of one KV head's keys or values: centroids (d/c, 2^b, c), which are rounded to binary16. `turn` is of keys alone, and null
// where the model has no RoPE.
std::shared_ptr<const RowCodec> cqCodec(const CqParams& params, int headDim, const std::vector<float>& centroids,
                                        std::shared_ptr<const PositionTurn> turn);

} // namespace fovea
