#pragma once
// One query of a made-up head, taken through SparQ's stages in plain loops.

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "core/engine/replay.h"
#include "core/methods/read/sparq.h"

namespace fovea::testing {

inline std::vector<float> softmaxOf(std::vector<float> scores) {
    const float most = *std::max_element(scores.begin(), scores.end());
    float sum = 0;
    for (auto& s : scores)
        sum += s = std::exp(s - most);
    for (auto& s : scores)
        s /= sum;
    return scores;
}

inline std::vector<std::int32_t> largest(const std::vector<float>& values, int n) {
    std::vector<std::int32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return values[i] > values[j]; });
    order.resize(std::min<std::size_t>(order.size(), n));
    std::sort(order.begin(), order.end());
    return order;
}

struct MadeUpHead {
    int d, tokens;
    std::vector<float> q, k, v; // (d), (tokens, d)

    MadeUpHead(int width, int count, unsigned seed = 7) : d(width), tokens(count) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        // A few strong components, as trained queries have.
        for (int i = 0; i < d; ++i)
            q.push_back(normal(random) * (i % 5 == 1 ? 2.6f : 0.7f));
        for (int i = 0; i < tokens * d; ++i) {
            k.push_back(normal(random));
            v.push_back(normal(random));
        }
    }
    float dot(const std::vector<float>& query, int token) const {
        return std::inner_product(query.begin(), query.end(), k.begin() + std::ptrdiff_t{token} * d, 0.f);
    }
    std::vector<float> blend(const std::vector<float>& weights, const std::vector<std::int32_t>& rows) const {
        std::vector<float> out(d, 0.f);
        for (std::size_t i = 0; i < rows.size(); ++i)
            for (int c = 0; c < d; ++c)
                out[c] += weights[i] * v[static_cast<std::size_t>(rows[i]) * d + c];
        return out;
    }
};

inline std::shared_ptr<QueryStages> makeStages(const MadeUpHead& head, const SparqParams& params,
                                               bool sparse = true) {
    auto s = std::make_shared<QueryStages>();
    s->layer = 5;
    s->head = 3;
    s->query = head.tokens - 1;
    s->sparse = s->guessed = sparse;
    s->method = sparse ? QueryStages::Method::Sparq : QueryStages::Method::All;
    s->q = head.q;
    std::vector<std::int32_t> all(head.tokens);
    std::iota(all.begin(), all.end(), 0);
    for (int t = 0; t < head.tokens; ++t)
        s->exact.push_back(head.dot(head.q, t) / std::sqrt(static_cast<float>(head.d)));
    const auto dense = softmaxOf(s->exact);
    s->denseOutput = s->output = head.blend(dense, all);
    if (!sparse)
        return s;

    std::vector<float> size;
    for (const float c : head.q)
        size.push_back(std::abs(c));
    s->components = largest(size, params.components);
    std::vector<float> kept(head.d, 0.f);
    float keptSize = 0;
    for (const auto c : s->components) {
        kept[c] = head.q[c];
        keptSize += size[c];
    }
    s->tau =
        std::sqrt(static_cast<float>(head.d) * keptSize / std::accumulate(size.begin(), size.end(), 0.f));
    for (int t = 0; t < head.tokens; ++t)
        s->approximate.push_back(head.dot(kept, t) / s->tau);
    auto ranked = s->approximate;
    for (int t = std::max(0, head.tokens - params.localTokens()); t < head.tokens; ++t)
        ranked[t] = 1e9f;
    s->chosen = largest(ranked, params.tokens);
    s->threshold = 1e9f;
    std::vector<float> scores;
    float mass = 0;
    const auto guess = softmaxOf(s->approximate);
    s->alpha = 0;
    for (const auto t : s->chosen) {
        scores.push_back(s->exact[t]);
        mass += dense[t];
        s->alpha += guess[t];
        if (ranked[t] < 1e8f)
            s->threshold = std::min(s->threshold, s->approximate[t]);
    }
    s->missed = std::max(0.f, 1 - mass);
    s->weights = softmaxOf(scores);
    const auto best = largest(s->exact, params.tokens);
    std::vector<std::int32_t> found;
    std::set_intersection(best.begin(), best.end(), s->chosen.begin(), s->chosen.end(),
                          std::back_inserter(found));
    s->recalled = static_cast<int>(found.size());
    const auto mean = head.blend(std::vector<float>(head.tokens, 1.f / static_cast<float>(head.tokens)), all);
    s->output = head.blend(s->weights, s->chosen);
    float difference = 0, norm = 0;
    for (int c = 0; c < head.d; ++c) {
        s->output[c] = s->alpha * s->output[c] + (1 - s->alpha) * mean[c];
        difference += std::pow(s->output[c] - s->denseOutput[c], 2.f);
        norm += std::pow(s->denseOutput[c], 2.f);
    }
    s->error = std::sqrt(difference / norm);
    return s;
}

} // namespace fovea::testing
