#include "views/maps/head_map_data.h"

#include <algorithm>
#include <functional>

namespace fovea {
namespace {

bool consistent(const HeadMap& map) {
    const auto tokens = static_cast<std::size_t>(std::max<std::int64_t>(map.tokens, 0));
    if (tokens == 0 || map.weights.size() != tokens * tokens)
        return false;
    if (!map.missed.empty() && map.missed.size() != tokens)
        return false;
    if (!map.gone.empty() && map.gone.size() != tokens)
        return false;
    if (map.first.empty())
        return map.chosen.empty();
    if (map.first.size() != tokens + 1 || map.first.front() != 0 ||
        map.first.back() != static_cast<std::int64_t>(map.chosen.size()))
        return false;
    return std::is_sorted(map.first.begin(), map.first.end());
}

} // namespace

std::shared_ptr<const HeadMapData> makeHeadMapData(std::shared_ptr<const HeadMap> map, MapMode mode,
                                                   MapWeights used) {
    if (!map || !consistent(*map))
        return nullptr;
    for (const auto& weights : {used.a, used.b})
        if (weights && weights->size() != map->weights.size())
            return nullptr;
    auto data = std::make_shared<HeadMapData>();
    data->anyChosen = !map->chosen.empty();
    if (!map->missed.empty())
        data->missedMax = *std::max_element(map->missed.begin(), map->missed.end());
    data->anyEvicted = std::any_of(map->gone.begin(), map->gone.end(),
                                   [&](std::int64_t query) { return query < map->tokens; });
    data->map = std::move(map);
    data->mode = mode;
    data->used = std::move(used);
    if (mode == MapMode::Difference) {
        const std::vector<float>& a = data->used.a ? *data->used.a : data->map->weights;
        const std::vector<float>& b = data->used.b ? *data->used.b : data->map->weights;
        data->difference.resize(a.size());
        std::transform(a.begin(), a.end(), b.begin(), data->difference.begin(), std::minus<>{});
    }
    const std::int64_t tokens = data->map->tokens;
    data->pyramid = buildPyramid(data->drawn(), tokens, tokens, {}, mode == MapMode::Difference);
    return data;
}

const float* HeadMapData::drawn() const {
    const auto& chosen = mode == MapMode::A ? used.a : used.b;
    return mode == MapMode::Difference ? difference.data() : chosen ? chosen->data() : map->weights.data();
}

float HeadMapData::a(std::int64_t query, std::int64_t key) const {
    return (used.a ? *used.a : map->weights)[static_cast<std::size_t>(query * map->tokens + key)];
}

float HeadMapData::b(std::int64_t query, std::int64_t key) const {
    return (used.b ? *used.b : map->weights)[static_cast<std::size_t>(query * map->tokens + key)];
}

std::span<const std::int32_t> HeadMapData::chosenBy(std::int64_t query) const {
    if (map->first.empty())
        return {};
    const auto row = static_cast<std::size_t>(query);
    const auto begin = static_cast<std::size_t>(map->first[row]);
    return {map->chosen.data() + begin, static_cast<std::size_t>(map->first[row + 1]) - begin};
}

bool HeadMapData::reads(std::int64_t query, std::int64_t key) const {
    const auto chosen = chosenBy(query);
    return chosen.empty() || std::binary_search(chosen.begin(), chosen.end(), static_cast<std::int32_t>(key));
}

bool HeadMapData::evicted(std::int64_t query, std::int64_t key) const {
    return !map->gone.empty() && map->gone[static_cast<std::size_t>(key)] <= query;
}

float HeadMapData::missed(std::int64_t query) const {
    return map->missed.empty() ? 0.0F : map->missed[static_cast<std::size_t>(query)];
}

} // namespace fovea
