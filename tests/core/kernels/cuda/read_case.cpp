#include "tests/core/kernels/cuda/read_case.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace fovea::cuda {

std::string ReadGeometry::text() const {
    return std::string(elementName(type)) + " G=" + std::to_string(kvHeads) +
           " group=" + std::to_string(group) + " d=" + std::to_string(headDim) +
           " S=" + std::to_string(slots) + " block=" + std::to_string(slotsPerBlock) +
           (codes.bits != 0 ? ", codes of " + std::to_string(codes.bits) + " bits in groups of " +
                                  std::to_string(codes.group)
                            : "");
}

ReadCase::ReadCase(const ReadGeometry& g, unsigned seed)
    : geometry(g), behindTheLastSlot(std::numeric_limits<float>::quiet_NaN()),
      slots(static_cast<std::size_t>(g.kvHeads), g.slots),
      scale(1.0f / std::sqrt(static_cast<float>(g.headDim))) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    q.resize(static_cast<std::size_t>(heads()) * static_cast<std::size_t>(g.headDim));
    for (float& x : q)
        x = normal(random);
    m_rawKeys.resize(static_cast<std::size_t>(g.kvHeads * g.slots * g.headDim));
    for (float& x : m_rawKeys)
        x = normal(random);
    m_keys.resize(m_rawKeys.size());
    for (std::size_t row = 0; row < m_keys.size(); row += static_cast<std::size_t>(g.headDim))
        roundRow(g.rows(), m_rawKeys.data() + row, m_keys.data() + row);
    for (int kvHead = 0; kvHead < g.kvHeads; ++kvHead)
        for (std::int64_t slot = 0; slot < g.slots; ++slot)
            positions.push_back(slot);
}

bool ReadCase::sees(int head, std::int64_t slot) const {
    if (sights.empty() || std::find(turned.begin(), turned.end(), slot) != turned.end())
        return true;
    const HeadSight& sight = sights[static_cast<std::size_t>(head)];
    const std::int64_t position =
        positions[static_cast<std::size_t>(head / geometry.group * geometry.slots + slot)];
    return position < sight.sinks || position >= sight.oldest;
}

bool ReadCase::anySees(int kvHead, std::int64_t slot) const {
    for (int h = kvHead * geometry.group; h < (kvHead + 1) * geometry.group; ++h)
        if (sees(h, slot))
            return true;
    return false;
}

std::int64_t ReadCase::seen(int kvHead) const {
    std::int64_t count = 0;
    for (std::int64_t slot = 0; slot < live(kvHead); ++slot)
        count += anySees(kvHead, slot);
    return count;
}

std::int64_t ReadCase::blocksPerHead() const {
    return std::max<std::int64_t>(1, (geometry.slots + geometry.slotsPerBlock - 1) / geometry.slotsPerBlock);
}

std::size_t ReadCase::at(int kvHead, std::int64_t slot, int c) const {
    return static_cast<std::size_t>((kvHead * geometry.slots + slot) * geometry.headDim + c);
}

void ReadCase::setKey(int kvHead, std::int64_t slot, int c, float x) {
    m_rawKeys[at(kvHead, slot, c)] = x;
    roundRow(geometry.rows(), m_rawKeys.data() + at(kvHead, slot, 0), m_keys.data() + at(kvHead, slot, 0));
}

void ReadCase::mix(const MixedShape& shape) {
    m_mixed.emplace(geometry.rows(), shape, positions, 7);
    m_keys = m_mixed->rows(true);
    m_values = m_mixed->rows(false);
}

std::optional<MixedOnMachine> ReadCase::mixed() const {
    if (!m_mixed)
        return {};
    return m_mixed->upload(slots, std::isnan(behindTheLastSlot) ? 0xff : 0);
}

const float* ReadCase::queryFor(int head, std::int64_t slot) const {
    const auto d = static_cast<std::size_t>(geometry.headDim), own = static_cast<std::size_t>(head) * d;
    const auto found = std::find(turned.begin(), turned.end(), slot);
    if (found == turned.end())
        return q.data() + own;
    return turnedQ.data() + static_cast<std::size_t>(found - turned.begin()) * q.size() + own;
}

float ReadCase::stored(int kvHead, std::int64_t slot, int c) const {
    return slot < live(kvHead) ? key(kvHead, slot, c) : behindTheLastSlot;
}

DeviceBlocks ReadCase::rows() const {
    const Geometry g = geometry.rows();
    const auto block = [&](int head, std::int64_t index) {
        const std::int64_t first = index * g.slotsPerBlock;
        return blockOfRows(g, m_rawKeys.data() + at(head, first, 0), live(head) - first, behindTheLastSlot);
    };
    return {g.kvHeads, blocksPerHead(), block(0, 0).size(),
            [&](int head, std::int64_t index, unsigned char* to) {
                const std::vector<unsigned char> bytes = block(head, index);
                std::copy(bytes.begin(), bytes.end(), to);
            }};
}

DeviceBlocks ReadCase::columns() const {
    const ReadGeometry& g = geometry;
    const int size = elementBytes(g.type);
    return {g.kvHeads, blocksPerHead(), static_cast<std::size_t>(g.slotsPerBlock * g.headDim * size),
            [&](int head, std::int64_t block, unsigned char* to) {
                for (int c = 0; c < g.headDim; ++c)
                    for (int row = 0; row < g.slotsPerBlock; ++row, to += size)
                        storeElement(g.type, stored(head, block * g.slotsPerBlock + row, c), to);
            }};
}

ReadStep ReadCase::step() const {
    ReadStep step;
    step.type = geometry.type;
    step.heads = heads();
    step.kvHeads = geometry.kvHeads;
    step.headDim = geometry.headDim;
    step.slotsPerBlock = geometry.slotsPerBlock;
    step.scale = scale;
    step.softcap = softcap;
    step.blocksPerHead = blocksPerHead();
    step.longest = geometry.slots;
    return step;
}

namespace {

std::vector<const std::int64_t*> rowsOf(const machine::Buffer& positions, const ReadGeometry& g) {
    std::vector<const std::int64_t*> rows;
    for (int kvHead = 0; kvHead < g.kvHeads; ++kvHead)
        rows.push_back(static_cast<const std::int64_t*>(positions.data()) + kvHead * g.slots);
    return rows;
}

} // namespace

UploadedStep::UploadedStep(const ReadCase& problem)
    : step(problem.step()), m_q(machine::upload(problem.q)), m_live(machine::upload(problem.slots)),
      m_sights(machine::upload(problem.sights)), m_positions(machine::upload(problem.positions)),
      m_table(machine::upload(rowsOf(m_positions, problem.geometry))) {
    step.q = static_cast<const float*>(m_q.data());
    step.slots = static_cast<const std::int64_t*>(m_live.data());
    if (problem.sights.empty())
        return;
    step.sights = static_cast<const HeadSight*>(m_sights.data());
    step.positions = static_cast<const std::int64_t* const*>(m_table.data());
}

std::vector<std::int32_t> rowOf(const std::vector<std::int32_t>& slots, std::int64_t most, int kvHead,
                                std::int32_t count) {
    const auto first = slots.begin() + kvHead * most;
    return {first, first + count};
}

std::string wrongChoice(const std::vector<std::int32_t>& chosen, const std::vector<double>& values,
                        std::int64_t n, const std::vector<std::int32_t>& always, double tolerance) {
    if (static_cast<std::int64_t>(chosen.size()) != n)
        return std::to_string(chosen.size()) + " chosen instead of " + std::to_string(n);
    std::vector<bool> taken(values.size(), false), byRight(values.size(), false);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const auto slot = static_cast<std::size_t>(chosen[i]);
        if (chosen[i] < 0 || slot >= values.size())
            return "slot " + std::to_string(chosen[i]) + " is not live";
        if (i > 0 && chosen[i - 1] >= chosen[i])
            return "slots do not ascend at place " + std::to_string(i);
        taken[slot] = true;
    }
    for (const std::int32_t slot : always) {
        byRight[static_cast<std::size_t>(slot)] = true;
        if (!taken[static_cast<std::size_t>(slot)])
            return "slot " + std::to_string(slot) + " is missing, which is always chosen";
    }
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (std::size_t slot = 0; slot < values.size(); ++slot) {
        if (taken[slot] && !byRight[slot])
            least = std::min(least, values[slot]);
        if (!taken[slot])
            most = std::max(most, values[slot]);
    }
    if (least < most - tolerance)
        return "a value of " + std::to_string(least) + " was chosen before one of " + std::to_string(most);
    return "";
}

} // namespace fovea::cuda
