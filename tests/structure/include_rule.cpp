#include "tests/structure/include_rule.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

namespace fovea {

namespace {

constexpr std::array<std::string_view, 4> kFolders = {"core", "simulation", "views", "app"};
constexpr std::array<std::string_view, 4> kExtensions = {".h", ".cpp", ".cu", ".cuh"};

// `core/plan/x.h` of `#include "core/plan/x.h"`; empty for any other line.
std::string_view includedName(std::string_view line) {
    const auto skipBlanks = [&] {
        while (!line.empty() && (line.front() == ' ' || line.front() == '\t'))
            line.remove_prefix(1);
    };
    skipBlanks();
    if (!line.starts_with('#'))
        return {};
    line.remove_prefix(1);
    skipBlanks();
    if (!line.starts_with("include"))
        return {};
    line.remove_prefix(7);
    skipBlanks();
    if (line.empty() || (line.front() != '"' && line.front() != '<'))
        return {};
    const auto end = line.find(line.front() == '"' ? '"' : '>', 1);
    return end == line.npos ? std::string_view{} : line.substr(1, end - 1);
}

bool isQt(std::string_view name) {
    const auto upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
    return name.size() > 2 && name[0] == 'Q' && (upper(name[1]) || name.starts_with("Qt"));
}

bool isTorch(std::string_view name) {
    return name.starts_with("torch/") || name.starts_with("ATen/") || name.starts_with("c10/");
}

std::string_view folderOf(std::string_view path) {
    return path.substr(0, path.find('/'));
}

// Place in kFolders, or -1.
int rank(std::string_view folder) {
    const auto at = std::find(kFolders.begin(), kFolders.end(), folder);
    return at == kFolders.end() ? -1 : static_cast<int>(at - kFolders.begin());
}

template <class Visit>
void forEachLine(const std::filesystem::path& root, Visit visit) {
    for (const auto& file : sourcesOf(root)) {
        std::ifstream in(root / file);
        std::string line;
        for (int number = 1; std::getline(in, line); ++number)
            visit(file, number, line);
    }
}

} // namespace

std::vector<std::filesystem::path> sourcesOf(const std::filesystem::path& root) {
    std::vector<std::filesystem::path> files;
    for (const auto folder : kFolders) {
        if (!std::filesystem::is_directory(root / folder))
            continue;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder))
            if (std::find(kExtensions.begin(), kExtensions.end(), entry.path().extension().string()) !=
                kExtensions.end())
                files.push_back(entry.path().lexically_relative(root));
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::string brokenRule(const std::filesystem::path& file, std::string_view line) {
    const std::string_view name = includedName(line);
    if (name.empty())
        return {};
    const std::string path = file.generic_string();
    const std::string folder(folderOf(path));
    const int own = rank(folder), other = rank(folderOf(name));
    if (other > own)
        return folder + " includes " + std::string(name) + ", which depends on it";
    if (own < rank("views") && isQt(name))
        return folder + " includes Qt: " + std::string(name);
    // In app only sources may see tensors: Qt and torch headers do not go together.
    const bool noTorch = folder == "views" || (folder == "app" && file.extension() == ".h");
    if (noTorch && isTorch(name))
        return folder + " includes libtorch: " + std::string(name);
    return {};
}

std::vector<Violation> brokenIncludes(const std::filesystem::path& root) {
    std::vector<Violation> found;
    forEachLine(root, [&](const std::filesystem::path& file, int number, const std::string& line) {
        if (std::string what = brokenRule(file, line); !what.empty())
            found.push_back({file.generic_string(), number, std::move(what)});
    });
    return found;
}

std::vector<Violation> longerThan(const std::filesystem::path& root, int lines) {
    std::vector<Violation> found;
    forEachLine(root, [&](const std::filesystem::path& file, int number, const std::string&) {
        if (number == lines + 1)
            found.push_back({file.generic_string(), number, "more than " + std::to_string(lines) + " lines"});
    });
    return found;
}

} // namespace fovea
