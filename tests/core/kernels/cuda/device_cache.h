#pragma once
// A CacheModel's bytes on a machine, for kernels to go on with.

#include <string>
#include <vector>

#include "tests/core/kernels/cuda/cache_model.h"
#include "tests/core/kernels/cuda/device_blocks.h"

namespace fovea::cuda {

class DeviceCache {
public:
    explicit DeviceCache(const CacheModel& model);

    CacheBlocks blocks() const;
    void append(const std::vector<float>& k, const std::vector<float>& v,
                const std::vector<std::int64_t>& positions, Stream stream) const;
    // `tokens` of every KV head at once: k, v (texts, tokens, G/texts, d); positions (G) of the first.
    void appendMany(const std::vector<float>& k, const std::vector<float>& v,
                    const std::vector<std::int64_t>& positions, int tokens, Stream stream,
                    const std::vector<int>& counts = {}) const;
    // "" when the machine holds what the model does, byte for byte, also where nothing was written; else the first
    // difference. Throws if a kernel wrote past the end of a table.
    std::string difference(const CacheModel& model) const;

private:
    CacheGeometry m_geometry;
    DeviceBlocks m_keys, m_values, m_columns, m_bounds;
    Guarded<float> m_sums;
    Guarded<std::int32_t> m_pageRows, m_next, m_byAge;
    Guarded<std::int64_t> m_live, m_positions;
};

} // namespace fovea::cuda
