#pragma once
// KIVI's rows as codes (kivi.h). Truth: kiviKeys, kiviValues, under scales as held.
//
//     keys     codes of d channels per row, in the layout of quantise/code_run.h; a side for g rows: scales (d), then least
//              values (d), in binary16
//     values   the same codes; a row's own side: scales (⌈d/g⌉), then least values, in binary16

#include <memory>

#include "core/cache/row_codec.h"
#include "core/methods/store/kivi.h"

namespace fovea {

MixedStore kiviStore(const KiviParams& params, int headDim);

std::shared_ptr<const RowCodec> kiviKeyCodec(const KiviParams& params, int headDim);
std::shared_ptr<const RowCodec> kiviValueCodec(const KiviParams& params, int headDim);

} // namespace fovea
