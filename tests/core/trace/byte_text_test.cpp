#include "core/trace/byte_text.h"

#include <catch2/catch.hpp>

using fovea::byteText;

TEST_CASE("Bytes for people have three digits and a unit", "[core.trace]") {
    CHECK(byteText(0) == "0 B");
    CHECK(byteText(999) == "999 B");
    CHECK(byteText(1000) == "1.00 kB");
    CHECK(byteText(12345) == "12.3 kB");
    CHECK(byteText(999'499) == "999 kB");
    CHECK(byteText(999'500) == "1.00 MB");
    CHECK(byteText(2147483648) == "2.15 GB");
}
