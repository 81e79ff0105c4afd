#pragma once
// The one dependency rule, core <- simulation <- views <- app, read off the include lines of a source tree.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

struct Violation {
    std::string file; // relative to the root
    int line = 0;
    std::string what;
};

// Sources (.h .cpp .cu .cuh) below core, simulation, views and app, sorted, relative to `root`.
std::vector<std::filesystem::path> sourcesOf(const std::filesystem::path& root);

// What `line`, a line of `file`, includes against the rule; empty when all is well.
std::string brokenRule(const std::filesystem::path& file, std::string_view line);

std::vector<Violation> brokenIncludes(const std::filesystem::path& root);
std::vector<Violation> longerThan(const std::filesystem::path& root, int lines);

} // namespace fovea
