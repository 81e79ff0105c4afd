#include <catch2/catch.hpp>

#include <string>

#include "core/tokenizer/utf8_stream.h"

using namespace fovea;

TEST_CASE("A character that arrives byte by byte is shown once it is whole", "[app.commands]") {
    Utf8Stream stream;
    CHECK(stream.add("a\xe2") == "a");
    CHECK(stream.add("\x82") == "");
    CHECK(stream.add("\xac") == "\xe2\x82\xac"); // €
    CHECK(stream.add("\xf0\x9f") == "");
    CHECK(stream.add("\x98\x80z") == "\xf0\x9f\x98\x80z");
    CHECK(stream.rest() == "");
}

TEST_CASE("No byte is lost or held for ever, whatever comes", "[app.commands]") {
    const std::string bytes = "\x80\x80\x80\x80 \xff\xe2 \xc3\xc3\xa9 \xf0\x9f\x98 \xc0\xaf \xe2\x82";
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        Utf8Stream stream;
        std::string shown = stream.add(bytes.substr(0, cut));
        shown += stream.add(bytes.substr(cut));
        CHECK(shown == bytes.substr(0, bytes.size() - 2)); // all but the euro that is not finished
        CHECK(shown + stream.rest() == bytes);
        CHECK(stream.rest().empty());
    }
}
