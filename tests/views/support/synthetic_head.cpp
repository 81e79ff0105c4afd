#include "tests/views/support/synthetic_head.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <span>
#include <vector>

namespace fovea::testing {
namespace {

constexpr int kDim = 32;

using Vectors = std::vector<std::array<float, kDim>>;

// Words come back at varying distances.
int wordAt(int position) {
    return position * 7 % 61 % 23;
}

struct QueryKeys {
    Vectors q, k;
};

QueryKeys makeVectors(const HeadShape& shape) {
    std::mt19937 random(shape.seed);
    std::normal_distribution<float> normal;
    Vectors words(23);
    for (auto& word : words)
        for (float& x : word)
            x = normal(random);
    QueryKeys result{Vectors(static_cast<std::size_t>(shape.tokens)),
                     Vectors(static_cast<std::size_t>(shape.tokens))};
    const auto match = static_cast<float>(shape.match);
    for (int i = 0; i < shape.tokens; ++i) {
        const auto& word = words[static_cast<std::size_t>(wordAt(i))];
        for (std::size_t c = 0; c < kDim; ++c) {
            result.k[static_cast<std::size_t>(i)][c] = word[c] + 0.3F * normal(random);
            result.q[static_cast<std::size_t>(i)][c] = match * word[c] / kDim + 0.1F * normal(random);
        }
    }
    return result;
}

double scoreOver(const HeadShape& shape, const QueryKeys& qk, int query, int key,
                 std::span<const int> components) {
    double dot = 0;
    for (const int c : components)
        dot += static_cast<double>(qk.q[static_cast<std::size_t>(query)][static_cast<std::size_t>(c)]) *
               static_cast<double>(qk.k[static_cast<std::size_t>(key)][static_cast<std::size_t>(c)]);
    return dot - shape.near * std::log1p(query - key) + (key == 0 ? shape.sink : 0);
}

std::vector<std::int32_t> choose(const HeadShape& shape, const QueryKeys& qk, int query) {
    std::vector<int> order(kDim);
    std::iota(order.begin(), order.end(), 0);
    const auto& q = qk.q[static_cast<std::size_t>(query)];
    std::sort(order.begin(), order.end(), [&](int a, int b) {
        return std::abs(q[static_cast<std::size_t>(a)]) > std::abs(q[static_cast<std::size_t>(b)]);
    });
    order.resize(static_cast<std::size_t>(shape.components));
    std::vector<double> approximate(static_cast<std::size_t>(query) + 1);
    for (int key = 0; key <= query; ++key)
        approximate[static_cast<std::size_t>(key)] =
            query - key < shape.local ? 1e9 : scoreOver(shape, qk, query, key, order);
    std::vector<std::int32_t> keys(approximate.size());
    std::iota(keys.begin(), keys.end(), 0);
    const auto count = std::min<std::size_t>(keys.size(), static_cast<std::size_t>(shape.chosen));
    std::partial_sort(
        keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count), keys.end(), [&](int a, int b) {
            return approximate[static_cast<std::size_t>(a)] > approximate[static_cast<std::size_t>(b)];
        });
    keys.resize(count);
    std::sort(keys.begin(), keys.end());
    return keys;
}

} // namespace

std::shared_ptr<const HeadMap> makeHead(const HeadShape& shape, int layer, int head) {
    const QueryKeys qk = makeVectors(shape);
    auto map = std::make_shared<HeadMap>();
    map->layer = layer;
    map->head = head;
    map->tokens = shape.tokens;
    map->decodeFrom = map->actsFrom = shape.decodeFrom;
    const auto n = static_cast<std::size_t>(shape.tokens);
    map->weights.assign(n * n, 0);
    map->missed.assign(n, 0);
    map->first.assign(1, 0);
    std::vector<int> all(kDim);
    std::iota(all.begin(), all.end(), 0);
    std::vector<double> row(n);
    for (int query = 0; query < shape.tokens; ++query) {
        double sum = 0;
        for (int key = 0; key <= query; ++key)
            sum += row[static_cast<std::size_t>(key)] = std::exp(scoreOver(shape, qk, query, key, all));
        float* weights = map->weights.data() + static_cast<std::size_t>(query) * n;
        for (int key = 0; key <= query; ++key)
            weights[key] = static_cast<float>(row[static_cast<std::size_t>(key)] / sum);
        if (shape.chosen > 0 && query >= shape.decodeFrom) {
            float read = 0;
            for (const std::int32_t key : choose(shape, qk, query)) {
                map->chosen.push_back(key);
                read += weights[key];
            }
            map->missed[static_cast<std::size_t>(query)] = std::max(0.0F, 1 - read);
        }
        map->first.push_back(static_cast<std::int64_t>(map->chosen.size()));
    }
    return map;
}

HeadSummary makeSummary(const HeadMap& map, int side) {
    HeadSummary summary;
    summary.layer = map.layer;
    summary.head = map.head;
    summary.side = side;
    summary.thumbnail.assign(static_cast<std::size_t>(side * side), 0);
    const auto n = static_cast<int>(map.tokens);
    const int from = map.actsFrom < n ? static_cast<int>(map.actsFrom) : 0;
    for (int query = 0; query < n; ++query) {
        double entropy = 0;
        for (int key = 0; key <= query; ++key) {
            const float w = map.weights[static_cast<std::size_t>(query) * static_cast<std::size_t>(n) +
                                        static_cast<std::size_t>(key)];
            float& pixel =
                summary.thumbnail[static_cast<std::size_t>(query * side / n * side + key * side / n)];
            pixel = std::max(pixel, w);
            entropy -= w > 0 ? static_cast<double>(w) * std::log(static_cast<double>(w)) : 0;
        }
        if (query < from)
            continue;
        summary.entropy += static_cast<float>(entropy / (n - from));
        summary.missed += map.missed[static_cast<std::size_t>(query)] / static_cast<float>(n - from);
        summary.sink += map.weights[static_cast<std::size_t>(query) * static_cast<std::size_t>(n)] /
                        static_cast<float>(n - from);
    }
    return summary;
}

} // namespace fovea::testing
