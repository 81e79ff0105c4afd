// Matrices that share runs of memory.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/model/weight_memory.h"

#include <catch2/catch.hpp>

using namespace fovea;

TEST_CASE("Matrices that share memory do not overlap, and live on without it", "[core.model]") {
    std::vector<at::Tensor> all;
    {
        WeightMemory memory;
        for (int i = 0; i < 300; ++i) { // more than one run's worth, one of them larger than a run
            all.push_back(memory.take(i == 150 ? 20000 : 333, 1 + i, i % 2 ? at::kBFloat16 : at::kByte));
            all.back().fill_(i % 100);
        }
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        INFO(i);
        CHECK(reinterpret_cast<std::uintptr_t>(all[i].data_ptr()) % 64 == 0);
        CHECK(all[i].size(0) == (i == 150 ? 20000 : 333));
        CHECK(all[i].size(1) == static_cast<std::int64_t>(1 + i));
        CHECK(all[i].eq(static_cast<int>(i % 100)).all().item<bool>());
    }
}
