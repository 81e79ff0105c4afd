#include "views/maps/head_map_data.h"

#include <algorithm>

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

std::shared_ptr<const HeadMapData> makeHeadMapData(std::shared_ptr<const HeadMap> map) {
    if (!map || !consistent(*map))
        return nullptr;
    auto data = std::make_shared<HeadMapData>();
    data->pyramid = buildPyramid(map->weights.data(), map->tokens, map->tokens);
    data->anyChosen = !map->chosen.empty();
    if (!map->missed.empty())
        data->missedMax = *std::max_element(map->missed.begin(), map->missed.end());
    data->anyEvicted = std::any_of(map->gone.begin(), map->gone.end(),
                                   [&](std::int64_t query) { return query < map->tokens; });
    data->map = std::move(map);
    return data;
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
