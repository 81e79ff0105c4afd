#include "tests/core/kernels/cuda/attention_case.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "tests/core/kernels/cuda/machine.h"

namespace fovea::cuda {
namespace {

using machine::Buffer;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kGuardFloats = 64;
constexpr float kGuard = 1234.5f;

// One element as it lies in the cache: 2 or 4 bytes at `to`.
void storeElement(ElementType type, float x, unsigned char* to) {
    if (type == ElementType::F32) {
        std::memcpy(to, &x, 4);
    } else if (type == ElementType::F16) {
        const __half h = __float2half(x);
        std::memcpy(to, static_cast<const void*>(&h), 2);
    } else {
        const __nv_bfloat16 b = __float2bfloat16(x);
        std::memcpy(to, static_cast<const void*>(&b), 2);
    }
}

// A block table of every KV head, and the blocks it points to.
struct Cache {
    std::vector<Buffer> blocks;
    Buffer table;
};

template <class ElementAt>  // (kvHead, slot, c) -> float
Cache uploadCache(const Geometry& g, std::int64_t blocksPerHead, const ElementAt& elementAt) {
    const std::size_t size = static_cast<std::size_t>(elementBytes(g.type));
    std::vector<Buffer> blocks;
    std::vector<const void*> table;
    std::vector<unsigned char> bytes(static_cast<std::size_t>(g.slotsPerBlock * g.headDim) * size);
    for (int kvHead = 0; kvHead < g.kvHeads; ++kvHead) {
        for (std::int64_t block = 0; block < blocksPerHead; ++block) {
            unsigned char* to = bytes.data();
            for (std::int64_t row = 0; row < g.slotsPerBlock; ++row)
                for (int c = 0; c < g.headDim; ++c, to += size)
                    storeElement(g.type, elementAt(kvHead, block * g.slotsPerBlock + row, c), to);
            blocks.push_back(machine::upload(bytes));
            table.push_back(blocks.back().data());
        }
    }
    return {std::move(blocks), machine::upload(table)};
}

// `count` floats of NaN for the kernel to write, and a guard behind them.
Buffer uploadPoison(std::size_t count) {
    std::vector<float> values(count, kNaN);
    values.resize(count + kGuardFloats, kGuard);
    return machine::upload(values);
}

std::vector<float> downloadGuarded(const Buffer& buffer, std::size_t count, const char* name) {
    std::vector<float> values = machine::download<float>(buffer, count + kGuardFloats);
    for (std::size_t i = count; i < values.size(); ++i)
        if (values[i] != kGuard)
            throw std::runtime_error(std::string("the kernel wrote past the end of ") + name);
    values.resize(count);
    return values;
}

std::vector<float> normal(std::size_t count, std::mt19937& random) {
    std::normal_distribution<float> distribution;
    std::vector<float> values(count);
    for (float& x : values)
        x = distribution(random);
    return values;
}

}  // namespace

std::string Geometry::text() const {
    return std::string(elementName(type)) + " G=" + std::to_string(kvHeads) +
           " group=" + std::to_string(group) + " d=" + std::to_string(headDim) +
           " S=" + std::to_string(slots) + " splits=" + std::to_string(splits) +
           " block=" + std::to_string(slotsPerBlock);
}

AttentionCase::AttentionCase(const Geometry& geometry, unsigned seed)
    : behindTheLastSlot(kNaN), slots(static_cast<std::size_t>(geometry.kvHeads), geometry.slots),
      scale(1.0f / std::sqrt(static_cast<float>(geometry.headDim))), m_geometry(geometry) {
    std::mt19937 random(seed);
    const std::size_t rows =
        static_cast<std::size_t>(geometry.kvHeads) * static_cast<std::size_t>(geometry.slots);
    const std::size_t d = static_cast<std::size_t>(geometry.headDim);
    q = normal(static_cast<std::size_t>(heads()) * d, random);
    m_keys = normal(rows * d, random);
    m_values = normal(rows * d, random);
    for (float& x : m_keys)
        x = round(x);
    for (float& x : m_values)
        x = round(x);
}

std::size_t AttentionCase::at(int kvHead, std::int64_t slot, int c) const {
    return static_cast<std::size_t>((kvHead * m_geometry.slots + slot) * m_geometry.headDim + c);
}

float AttentionCase::round(float x) const {
    switch (m_geometry.type) {
    case ElementType::F32: return x;
    case ElementType::F16: return __half2float(__float2half(x));
    case ElementType::BF16: return __bfloat162float(__float2bfloat16(x));
    }
    return x;
}

std::vector<float> AttentionCase::run(Stream stream) const {
    const Geometry& g = m_geometry;
    const std::int64_t blocksPerHead = (g.slots + g.slotsPerBlock - 1) / g.slotsPerBlock;
    const auto live = [&](int kvHead, std::int64_t slot) {
        return slot < slots[static_cast<std::size_t>(kvHead)];
    };
    const Cache keys = uploadCache(g, blocksPerHead, [&](int kvHead, std::int64_t slot, int c) {
        return live(kvHead, slot) ? key(kvHead, slot, c) : behindTheLastSlot;
    });
    const Cache values = uploadCache(g, blocksPerHead, [&](int kvHead, std::int64_t slot, int c) {
        return live(kvHead, slot) ? value(kvHead, slot, c) : behindTheLastSlot;
    });
    const Buffer queries = machine::upload(q);
    const Buffer slotCounts = machine::upload(slots);

    AttendAll step;
    step.type = g.type;
    step.heads = heads();
    step.kvHeads = g.kvHeads;
    step.headDim = g.headDim;
    step.slotsPerBlock = g.slotsPerBlock;
    step.scale = scale;
    step.splits = g.splits;
    step.q = static_cast<const float*>(queries.data());
    step.keys = static_cast<const void* const*>(keys.table.data());
    step.values = static_cast<const void* const*>(values.table.data());
    step.blocksPerHead = blocksPerHead;
    step.slots = static_cast<const std::int64_t*>(slotCounts.data());
    const Buffer out = uploadPoison(q.size());
    const Buffer partials = uploadPoison(partialFloats(step));
    step.out = static_cast<float*>(out.data());
    step.partials = static_cast<float*>(partials.data());

    attendAll(step, stream);
    machine::finish();
    downloadGuarded(partials, partialFloats(step), "partials");
    return downloadGuarded(out, q.size(), "out");
}

std::vector<double> AttentionCase::truth() const {
    const int d = m_geometry.headDim;
    std::vector<double> out(q.size(), 0.0);
    for (int head = 0; head < heads(); ++head) {
        const int kvHead = head / m_geometry.group;
        const auto count = static_cast<std::size_t>(slots[static_cast<std::size_t>(kvHead)]);
        const std::size_t row = static_cast<std::size_t>(head * d);
        std::vector<double> weights(count);
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::size_t s = 0; s < count; ++s) {
            double dot = 0;
            for (int c = 0; c < d; ++c)
                dot += double{q[row + static_cast<std::size_t>(c)]} *
                       key(kvHead, static_cast<std::int64_t>(s), c);
            weights[s] = dot * scale;
            largest = std::fmax(largest, weights[s]);
        }
        for (double& weight : weights)
            sum += weight = std::exp(weight - largest);
        for (std::size_t s = 0; s < count; ++s)
            for (int c = 0; c < d; ++c)
                out[row + static_cast<std::size_t>(c)] +=
                    weights[s] / sum * value(kvHead, static_cast<std::int64_t>(s), c);
    }
    return out;
}

}  // namespace fovea::cuda
