#include "tests/structure/include_rule.h"

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"

using namespace fovea;

namespace {

constexpr int kLongestFile = 400;

std::string describe(const std::vector<Violation>& violations) {
    std::string text;
    for (const Violation& v : violations)
        text += "\n" + v.file + ":" + std::to_string(v.line) + ": " + v.what;
    return text;
}

void plant(const TemporaryFolder& root, const std::string& file, const std::string& content) {
    std::filesystem::create_directories((root / file).parent_path());
    putContent(root / file, content);
}

} // namespace

TEST_CASE("The tree keeps its one dependency rule", "[structure]") {
    REQUIRE(sourcesOf(FOVEA_SOURCE_DIR).size() > 20); // it was this tree that was read
    const auto broken = brokenIncludes(FOVEA_SOURCE_DIR);
    INFO(describe(broken));
    CHECK(broken.empty());
}

TEST_CASE("No source file is longer than 400 lines", "[structure]") {
    const auto tooLong = longerThan(FOVEA_SOURCE_DIR, kLongestFile);
    INFO(describe(tooLong));
    CHECK(tooLong.empty());
}

TEST_CASE("A planted include against the rule is found, with its file and line", "[structure]") {
    const TemporaryFolder root;
    plant(root, "core/plan/a.h", "#pragma once\n#include <vector>\n#include \"app/main_window.h\"\n");
    plant(root, "core/plan/b.h", "#include \"core/plan/a.h\"\n");
    plant(root, "views/maps/c.cpp", "  #  include <ATen/core/Tensor.h>\n");
    plant(root, "views/maps/notes.txt", "#include \"app/main_window.h\"\n");
    const auto broken = brokenIncludes(root.path());
    REQUIRE(broken.size() == 2);
    CHECK(broken[0].file == "core/plan/a.h");
    CHECK(broken[0].line == 3);
    CHECK(broken[1].file == "views/maps/c.cpp");
    CHECK(broken[1].line == 1);
}

TEST_CASE("Each line of the rule is held", "[structure]") {
    struct Case {
        const char* file;
        const char* line;
    };
    SECTION("forbidden") {
        const auto [file, line] = GENERATE(values<Case>({
            {"core/a.h", "#include \"simulation/show_as.h\""},
            {"core/a.cpp", "#include \"views/maps/map.h\""},
            {"core/a.cu", "#include \"app/main.h\""},
            {"core/a.h", "#include <QString>"},
            {"core/a.h", "#include <QtCore/qglobal.h>"},
            {"core/a.h", "#include<QtGlobal>"},
            {"simulation/a.h", "#include \"views/maps/map.h\""},
            {"simulation/a.h", "#include \"app/main.h\""},
            {"simulation/a.cpp", "\t#include <QObject>"},
            {"views/a.h", "#include \"app/main.h\""},
            {"views/a.cpp", "#include <torch/torch.h>"},
            {"views/a.cpp", "#include <ATen/ops/matmul.h>"},
            {"views/a.cpp", "#include <c10/core/ScalarType.h>"},
            {"app/a.h", "#include <ATen/core/Tensor.h>"},
        }));
        INFO(file << ": " << line);
        CHECK_FALSE(brokenRule(file, line).empty());
    }
    SECTION("allowed") {
        const auto [file, line] = GENERATE(values<Case>({
            {"core/a.h", "#include \"core/plan/attention_plan.h\""},
            {"core/a.cpp", "#include <ATen/core/Tensor.h>"},
            {"core/a.cpp", "// #include \"app/main.h\""},
            {"core/a.cpp", "#include <queue>"},
            {"simulation/a.h", "#include \"core/cache/traffic.h\""},
            {"views/a.h", "#include <QWidget>"},
            {"views/a.h", "#include \"simulation/show_as.h\""},
            {"app/a.h", "#include \"views/maps/map.h\""},
            {"app/a.cpp", "#include <ATen/Parallel.h>"},
        }));
        INFO(file << ": " << line);
        CHECK(brokenRule(file, line).empty());
    }
}

TEST_CASE("A planted file of 401 lines is found, one of 400 is not", "[structure]") {
    const TemporaryFolder root;
    std::string lines;
    for (int i = 0; i < kLongestFile; ++i)
        lines += "//\n";
    plant(root, "app/short.cpp", lines);
    plant(root, "app/long.cpp", lines + "//\n");
    const auto tooLong = longerThan(root.path(), kLongestFile);
    REQUIRE(tooLong.size() == 1);
    CHECK(tooLong[0].file == "app/long.cpp");
}
