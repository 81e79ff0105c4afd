#include "core/tokenizer/text_pattern.h"

#include <catch2/catch.hpp>

#include "core/model/checkpoint_error.h"

using namespace fovea;

namespace {

std::vector<std::string> matches(const TextPattern& pattern, const std::string& text) {
    std::vector<std::string> found;
    for (const Range& range : pattern.find(text))
        found.push_back(text.substr(range.begin, range.end - range.begin));
    return found;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("A string is found as it stands, a pattern by what it means", "[core.tokenizer]") {
    CHECK(matches(TextPattern::literal(".*"), "a.*b.*.*") == Texts{".*", ".*", ".*"});
    CHECK(matches(TextPattern::literal("aa"), "aaaaa") == Texts{"aa", "aa"});
    CHECK(matches(TextPattern::literal(""), "abc").empty());
    CHECK(matches(TextPattern::regex(R"(\p{N}{1,3})"), "12345 ٣") == Texts{"123", "45", "٣"});
    CHECK(matches(TextPattern::regex(R"((?i:'s|'ll))"), "it'S we'Ll") == Texts{"'S", "'Ll"});
    CHECK(matches(TextPattern::regex(R"(\s+(?!\S))"), "a   b  ") == Texts{"  ", "  "});
    CHECK(matches(TextPattern::regex("😀+"), "a😀😀b") == Texts{"😀😀"});
}

TEST_CASE("Classes mean what they do in Oniguruma", "[core.tokenizer]") {
    CHECK(matches(TextPattern::regex(R"(\s)"), "a\vb\u0085c\u00a0d\u200be") ==
          Texts{"\v", "\u0085", "\u00a0"});
    CHECK(matches(TextPattern::regex(R"(\w+)"), "né_1\u200dx") == Texts{"né_1", "x"}); // no joiner
    CHECK(matches(TextPattern::regex(R"([^\w]+)"), "a\u200d-b") == Texts{"\u200d-"});
    CHECK(matches(TextPattern::regex(R"(\h+)"), "xAf9 g") == Texts{"Af9"});
    CHECK(matches(TextPattern::regex("[[:punct:]]+"), "a+$.-^😀b") == Texts{"+$.-^😀"});
    CHECK(matches(TextPattern::regex(R"(\\w)"), R"(\w)") == Texts{R"(\w)"});
    CHECK(matches(TextPattern::regex("^b$"), "a\nb\nc") == Texts{"b"}); // every line has a start and an end
    CHECK(matches(TextPattern::regex("a.c"), "a\rc a\nc") == Texts{"a\rc"});
}

TEST_CASE("Each piece is looked at without its surroundings", "[core.tokenizer]") {
    const std::vector<Range> pieces = {{0, 3}, {3, 5}, {5, 8}};
    const auto found = TextPattern::regex(R"(\s+(?!\S)|^b)").find("a  bb  b", pieces);
    REQUIRE(found.size() == 3);
    CHECK(found[0].size() == 1);
    CHECK(found[0][0].end == 3); // both blanks: the b behind them is another piece's
    REQUIRE(found[1].size() == 1);
    CHECK(found[1][0].begin == 3);
    REQUIRE(found[2].size() == 1);
    CHECK(found[2][0].end == 6); // not the blank before b
}

TEST_CASE("A pattern that cannot be read or takes for ever is refused in one line", "[core.tokenizer]") {
    for (const char* pattern : {"(", "[a", "a{2,1}", "\\p{Klingon}", "(?<a>b)\\k<c>"})
        CHECK_THROWS_AS(TextPattern::regex(pattern), CheckpointError);
    CHECK_THROWS_WITH(TextPattern::regex("(\n"),
                      Catch::Contains("'(?'") && Catch::Contains("not understood"));
    CHECK_THROWS_AS(TextPattern::regex(std::string(100'000, 'a')), CheckpointError);
    const std::string text(40, 'a');
    CHECK_THROWS_WITH(TextPattern::regex("(a+)+(b+)+$").find(text + "c"), Catch::Contains("takes too long"));
    // Deep recursion in the pattern's engine ends, too.
    CHECK_THROWS_WITH(TextPattern::regex("(?:a|(?:b|c))*d").find(std::string(8 << 20, 'b')),
                      Catch::Contains("takes too long"));
}
