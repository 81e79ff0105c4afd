#pragma once
// KVQuant's rows as codes (kvquant.h). Truth: kvquantKeys, kvquantValues, as held, of one KV head.
//
//     codes    of d channels, in the layout of quantise/code_run.h
//     side     of a value its offset and range in binary16; then m outliers, each a binary16 and a channel of 16 bits, of
//              which those that are not needed have no channel

#include <memory>
#include <vector>

#include "core/cache/row_codec.h"
#include "core/methods/store/kvquant.h"

namespace fovea {

class PositionTurn;

MixedStore kvquantStore(const KvquantParams& params, int headDim);

// What was learnt of one KV head's keys or values.
struct KvquantLevels {
    std::vector<double> levels;           // C (2^b), ascending
    std::vector<float> read;              // R (2^b)
    std::vector<double> offset, range;    // (d) of keys, each rounded to binary16; empty of values
};

// `turn` may be null: the model has no RoPE.
std::shared_ptr<const RowCodec> kvquantKeyCodec(const KvquantParams& params, int headDim, KvquantLevels levels,
                                                std::shared_ptr<const PositionTurn> turn);
std::shared_ptr<const RowCodec> kvquantValueCodec(const KvquantParams& params, int headDim, KvquantLevels levels);

} // namespace fovea
