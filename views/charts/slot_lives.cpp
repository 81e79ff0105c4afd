#include "views/charts/slot_lives.h"

#include <algorithm>
#include <unordered_map>

namespace fovea {

std::vector<SlotStay> staysOf(std::span<const SlotEvent> events, std::int64_t end) {
    std::vector<SlotStay> stays;
    std::unordered_map<std::int64_t, std::size_t> last; // stay of each living token
    std::unordered_map<std::int32_t, std::int32_t> order;
    std::int64_t newestGone = -1;
    for (const SlotEvent& event : events) {
        if (event.kind != SlotEvent::Kind::Born) {
            const auto found = last.find(event.position);
            if (found == last.end())
                continue;
            stays[found->second].to = event.at;
            if (event.kind == SlotEvent::Kind::Evicted) {
                stays[found->second].evicted = true;
                newestGone = std::max(newestGone, event.position);
                last.erase(found);
                continue;
            }
        }
        last[event.position] = stays.size();
        stays.push_back({.position = event.position,
                         .slot = event.slot,
                         .from = event.at,
                         .to = end,
                         .order = order[event.slot]++});
    }
    for (const auto& [position, stay] : last)
        stays[stay].outlived = position < newestGone;
    return stays;
}

} // namespace fovea
