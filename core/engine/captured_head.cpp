#include "core/engine/captured_head.h"

#include <ATen/ops/empty.h>

#include <vector>

#include "core/cache/row_form.h"
#include "core/engine/capture_reader.h"

namespace fovea {

at::Tensor asStored(const at::Tensor& rows, const Store& store) {
    const auto codes = storedCodes(store);
    if (!codes)
        return rows;
    const auto d = static_cast<int>(rows.size(1));
    const RowForm form{.dims = d, .rows = 1, .codes = codes};
    std::vector<std::byte> block(static_cast<std::size_t>(form.blockBytes()));
    const at::Tensor held = at::empty(rows.sizes());
    for (std::int64_t row = 0; row < rows.size(0); ++row) {
        form.write(block.data(), 0, rows.data_ptr<float>() + row * d);
        form.read(block.data(), 0, 1, held.data_ptr<float>() + row * d);
    }
    return held;
}

CapturedHead::CapturedHead(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead)
    : keys(asStored(capturedRows(capture.k(layer, kvHead), tokens, capture.headDim()), store)),
      values(asStored(capturedRows(capture.v(layer, kvHead), tokens, capture.headDim()), store)),
      floats(capturedRows(capture.k(layer, kvHead), tokens, capture.headDim())) {}

} // namespace fovea
