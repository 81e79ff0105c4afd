// What the fuzzers have seen stays true: every input of their corpora goes through the same functions again.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea::fuzz;

namespace {

std::vector<std::filesystem::path> inputs(const std::string& target) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(FOVEA_SOURCE_DIR) /
                                                                 "tests/fuzz/corpus" / target))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

std::string content(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE("Every input of a fuzz corpus is read or refused in one line", "[fuzz]") {
    for (const Target& target : targets()) {
        INFO("target " << target.name);
        int read = 0, refused = 0;
        for (const auto& file : inputs(target.name)) {
            INFO("input " << file.string());
            bool accepted = false;
            CHECK_NOTHROW(accepted = target.read(content(file)));
            ++(accepted ? read : refused);
        }
        // A corpus that is only refused, or never, has fallen behind its reader.
        CHECK(read > 0);
        CHECK(refused > 0);
    }
}

TEST_CASE("A fuzz target tells a refusal that is not one line", "[fuzz]") {
    CHECK_NOTHROW(requireOneLine("model.bin: no such file; check the path"));
    CHECK_THROWS_AS(requireOneLine(""), Finding);
    CHECK_THROWS_AS(requireOneLine("two\nlines"), Finding);
    CHECK_THROWS_AS(requireOneLine("a terminal obeys \x1b[2J"), Finding);
    CHECK_THROWS_AS(requireOneLine(std::string(2000, 'x')), Finding);
    CHECK_THROWS_AS(accepted([] { throw fovea::CheckpointError("two\nlines"); }), Finding);
    CHECK_THROWS_AS(accepted([] { throw std::bad_alloc(); }), std::bad_alloc);
    CHECK_FALSE(accepted([] { throw fovea::CheckpointError("model.bin: damaged; copy it again"); }));
    CHECK(accepted([] {}));
}
