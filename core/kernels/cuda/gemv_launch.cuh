#pragma once
// The grid of a product: tiles of rows by tiles of vectors.

#include <stdexcept>

#include "core/kernels/cuda/gemv_rows.cuh"

namespace fovea::cuda {

// The least of 1, 2, 4, 8 that holds the vectors, so that the kernels exist four times.
constexpr int vectorTile(std::int64_t vectors) {
    int tile = 1;
    while (tile < vectors && tile < kMostVectors)
        tile *= 2;
    return tile;
}

// The arguments of a kernel that takes kRows rows together, and how many tiles of them there are.
template <int kRows>
GemvArguments inTiles(const Gemv& step, std::int64_t& tiles) {
    GemvArguments a{};
    a.count = step.count;
    a.x = step.x;
    a.in = step.in;
    a.vectors = step.vectors;
    tiles = 0;
    for (int i = 0; i < step.count; ++i) {
        a.products[i] = step.products[i];
        a.tilesBefore[i] = tiles;
        tiles += (step.products[i].rows + kRows - 1) / kRows;
    }
    return a;
}

// A kernel that takes kRows rows a warp and kVectors vectors a block.
template <int kRows, int kVectors, class... Parameters, class... Arguments>
void launchGemv(void (*kernel)(Parameters...), const Gemv& step, Stream stream, Arguments... arguments) {
    std::int64_t tiles = 0;
    const GemvArguments a = inTiles<kRows>(step, tiles);
    const dim3 grid(static_cast<unsigned>((tiles + kGemvWarps - 1) / kGemvWarps),
                    static_cast<unsigned>((step.vectors + kVectors - 1) / kVectors));
    launch(kernel, grid, dim3(kGemvThreads), 0, stream, a, arguments...);
}

} // namespace fovea::cuda
