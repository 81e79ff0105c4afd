#include "core/kernels/cpu/read_report.h"

#include <algorithm>

#include "core/kernels/cpu/step_queries.h"

namespace fovea::cpu {

void ReadReport::begin(std::int64_t kvHeads, int group, const float* lie, std::int64_t apart) {
    stride = apart;
    const auto heads = static_cast<std::size_t>(kvHeads * group);
    if (!lie)
        sized(spilled, static_cast<std::int64_t>(heads) * stride);
    logits = lie ? lie : spilled.data();
    m.resize(heads);
    l.resize(heads);
    rows.assign(static_cast<std::size_t>(kvHeads), 0);
}

void ReadReport::beginAll(std::span<const KvView> heads, int group, const float* lie, std::int64_t apart) {
    begin(std::ssize(heads), group, lie, apart);
    slots = nullptr;
    alphas = nullptr;
    std::transform(heads.begin(), heads.end(), rows.begin(), [](const KvView& head) { return head.slots; });
}

void ReadReport::beginListed(std::int64_t kvHeads, int group, std::int64_t most, const std::int32_t* listed,
                             const float* by) {
    begin(kvHeads, group, nullptr, most);
    slots = listed;
    alphas = by;
}

void ReadReport::setMass(std::int64_t g, int group, const float* tops, const float* sums) {
    std::copy_n(tops, group, m.data() + g * group);
    std::copy_n(sums, group, l.data() + g * group);
}

}  // namespace fovea::cpu
