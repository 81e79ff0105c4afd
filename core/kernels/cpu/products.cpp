// Products of several matrices with the same vectors. Their rows are one list, cut into tasks of about 256 KiB, so that
// query, key and value are waited for once and not three times; a task that spans two matrices does the end of one and
// the beginning of the other.

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/kernels/cpu/gemv_rows.h"
#include "core/kernels/cpu/tasks.h"
#include "core/methods/quantise/rtn.h"
#include "core/model/block_type.h"

namespace fovea::cpu {

namespace {

// What is made of the vectors, kept by a thread: a warm step allocates nothing.
struct Prepared {
    std::vector<float> whole, rounded, scales; // X, x̂ and s of rounded activations
    std::array<RtnVectors, kMostProducts> packed;
    std::array<std::vector<float>, kMostProducts> blockSums; // Σ x of each group of blocks with minima
};

struct Vectors {
    const float* x;
    std::int64_t in, count;
    RoundedVectors rounded;
};

// A product and what it takes of the vectors.
struct Part {
    const Product* product = nullptr;
    const RtnVectors* packed = nullptr;
    const std::vector<float>* blockSums = nullptr;
    std::int64_t rowBytes = 0;
};

Vectors roundedVectors(const ActGrid* acts, const float* x, std::int64_t in, std::int64_t vectors,
                       Prepared& kept) {
    if (!acts)
        return {x, in, vectors, {}};
    const auto all = static_cast<std::size_t>(vectors * in);
    kept.whole.resize(all);
    kept.rounded.resize(all);
    kept.scales.resize(static_cast<std::size_t>(vectors));
    roundActs(*acts, x, kept.whole.data(), kept.scales.data(), in, vectors);
    for (std::int64_t v = 0; v < vectors; ++v)
        for (std::int64_t i = v * in; i < (v + 1) * in; ++i)
            kept.rounded[static_cast<std::size_t>(i)] =
                kept.whole[static_cast<std::size_t>(i)] * kept.scales[static_cast<std::size_t>(v)];
    return {kept.rounded.data(), in, vectors, {kept.whole.data(), kept.scales.data(), acts->isWide()}};
}

void sumGroups(const Vectors& v, int group, std::vector<float>& sums) {
    sums.resize(group == 0 ? 0 : static_cast<std::size_t>(v.count * v.in / group)); // a row is whole groups
    for (std::size_t g = 0; g < sums.size(); ++g) {
        const float* const from = v.x + static_cast<std::int64_t>(g) * group;
        float sum = 0;
        for (int i = 0; i < group; ++i)
            sum += from[i];
        sums[g] = sum;
    }
}

// The vectors as packed rows of `rtn` take them: what was made for a product before, where there is one of that form.
const RtnVectors& packedVectors(const RtnParams& rtn, const Vectors& v, std::span<const Part> before,
                                RtnVectors& to) {
    for (const Part& part : before)
        if (part.packed && *part.product->w.rtn == rtn)
            return *part.packed;
    to.x = v.x;
    to.in = v.in;
    to.vectors = v.count;
    to.rounded = v.rounded;
    prepareRtn(rtn, to);
    return to;
}

Part partOf(const Product& product, const Vectors& v, std::span<const Part> before, Prepared& kept) {
    const StoredMatrix& w = product.w;
    Part part{.product = &product};
    if (w.rtn) {
        part.packed = &packedVectors(*w.rtn, v, before, kept.packed[before.size()]);
        part.rowBytes = rtnRow(*w.rtn, v.in).bytes;
    } else if (w.blocks != BlockType::None) {
        sumGroups(v, minimumGroup(w.blocks), kept.blockSums[before.size()]);
        part.blockSums = &kept.blockSums[before.size()];
        part.rowBytes = blockRowBytes(w.blocks, v.in);
    } else {
        part.rowBytes = v.in * elementBytes(w.type);
    }
    return part;
}

// Rows [first, last) of one product.
void multiplyRows(const Part& part, const Vectors& v, std::int64_t first, std::int64_t last) {
    const auto& [w, y] = *part.product;
    if (part.packed)
        return gemvRtnRows(*w.rtn, w.data, *part.packed, y, w.rows, first, last);
    if (!part.blockSums)
        return gemvRows(w.type, w.data, v.x, y, w.rows, v.in, first, last, v.count);
    const std::int64_t sums = std::ssize(*part.blockSums) / v.count;
    for (std::int64_t i = 0; i < v.count; ++i)
        gemvBlockRows(w.blocks, w.data, v.x + i * v.in, part.blockSums->data() + i * sums, y + i * w.rows,
                      first, last, v.in);
}

// Rows [first, last) of all products, as if they were one matrix.
void multiplyRun(std::span<const Part> parts, const Vectors& v, std::int64_t first, std::int64_t last) {
    for (const Part& part : parts) {
        const std::int64_t rows = part.product->w.rows;
        if (first < rows && last > 0)
            multiplyRows(part, v, std::max<std::int64_t>(0, first), std::min(rows, last));
        first -= rows;
        last -= rows;
    }
}

} // namespace

void multiply(std::span<const Product> products, const float* x, std::int64_t in, std::int64_t vectors,
              const ActGrid* acts) {
    if (std::ssize(products) > kMostProducts)
        throw std::invalid_argument("Too many matrices are multiplied at once.");
    if (vectors < 1)
        return;
    thread_local Prepared kept;
    const Vectors v = roundedVectors(acts, x, in, vectors, kept);
    std::array<Part, kMostProducts> all;
    std::int64_t rows = 0, bytes = 0;
    for (std::size_t i = 0; i < products.size(); ++i) {
        all[i] = partOf(products[i], v, std::span(all).first(i), kept);
        rows += products[i].w.rows;
        bytes += products[i].w.rows * all[i].rowBytes;
    }
    if (rows == 0)
        return;
    const std::span<const Part> parts = std::span(all).first(products.size());
    const std::int64_t perTask = rowsPerTask(rows, std::max<std::int64_t>(1, bytes / rows));
    forEachTask((rows + perTask - 1) / perTask, bytes, [&](std::int64_t task) {
        multiplyRun(parts, v, task * perTask, std::min(rows, (task + 1) * perTask));
    });
}

void gemv(ElementType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors) {
    const Product product{{.data = w, .rows = out, .type = type}, y};
    multiply({&product, 1}, x, in, vectors);
}

void gemv(BlockType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors) {
    const Product product{{.data = w, .rows = out, .blocks = type}, y};
    multiply({&product, 1}, x, in, vectors);
}

void gemv(const RtnParams& rtn, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors) {
    const Product product{{.data = w, .rows = out, .rtn = &rtn}, y};
    multiply({&product, 1}, x, in, vectors);
}

} // namespace fovea::cpu
