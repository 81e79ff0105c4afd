#pragma once
// Many plans in one text:  read=sparq:r={4,8,16},k={32,64}  stands for the six plans that choose one text of each pair
// of braces. Braces may hold anything but braces, nothing too ({,store=bf16} is "as it is, or in bf16"); within quotes
// they are themselves.

#include <string>
#include <string_view>
#include <vector>

namespace fovea {

inline constexpr std::size_t kMostExpanded = 4096;

// Every text, the last braces running fastest; the template itself where it has none. The texts need not be plans.
// Throws PlanError for braces that do not pair, nest or are empty, and for more than kMostExpanded texts.
std::vector<std::string> expandPlans(std::string_view text);

// What a plan is without its numbers, as a series is called: "keep=streaming read=sparq", "dense". Of a text that
// parses; switches are left out, whatever they are.
std::string methodOf(std::string_view plan);

} // namespace fovea
