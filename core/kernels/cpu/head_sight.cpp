#include "core/kernels/cpu/head_sight.h"

#include <numeric>
#include <utility>

namespace fovea::cpu {

void SightOrder::set(std::span<const KvView> heads, int group, std::span<const HeadSight> sights) {
    m_sights.assign(sights.begin(), sights.end());
    if (sights.empty())
        return;
    m_group = group;
    m_order.resize(sights.size());
    m_counts.assign(sights.size(), 0);
    m_parted.assign(heads.size(), 0);
    if (m_unseen.size() < heads.size())
        m_unseen.resize(heads.size());
    for (std::size_t g = 0; g < heads.size(); ++g) {
        const auto own = static_cast<std::int64_t>(g);
        m_unseen[g].clear();
        int* const order = m_order.data() + index(own, 0);
        const HeadSight* const given = sights.data() + index(own, 0);
        std::iota(order, order + group, 0);
        for (int i = 1; i < group;
             ++i) // a few heads, mostly in order: and std::stable_sort would take memory
            for (int j = i; j > 0 && given[order[j]].oldest < given[order[j - 1]].oldest; --j)
                std::swap(order[j], order[j - 1]);
        for (int i = 0; i < group; ++i)
            m_sights[index(own, i)] = given[order[i]];
        eachRun(heads[g], own, 0, heads[g].slots, [&](std::int64_t first, std::int64_t last, int n) {
            m_parted[g] |= static_cast<char>(n < group);
            for (int i = 0; i < n; ++i)
                m_counts[index(own, i)] += last - first;
            for (std::int64_t slot = first; n == 0 && slot < last; ++slot)
                m_unseen[g].push_back(static_cast<std::int32_t>(slot));
        });
    }
}

void SightOrder::arrange(const float* x, int dims, float* ordered) const {
    for (std::size_t h = 0; h < m_order.size(); ++h, ordered += dims)
        std::copy_n(x + (static_cast<int>(h) / m_group * m_group + m_order[h]) * std::int64_t{dims}, dims,
                    ordered);
}

void SightOrder::restore(const float* ordered, int dims, float* x) const {
    for (std::size_t h = 0; h < m_order.size(); ++h, ordered += dims)
        std::copy_n(ordered, dims,
                    x + (static_cast<int>(h) / m_group * m_group + m_order[h]) * std::int64_t{dims});
}

} // namespace fovea::cpu
