#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include "core/trace/csv.h"

using namespace fovea;

TEST_CASE("Fields are quoted as RFC 4180 asks", "[core.trace]") {
    CHECK(csvField("plain") == "plain");
    CHECK(csvField("") == "");
    CHECK(csvField("read=sparq:r=8,k=64") == "\"read=sparq:r=8,k=64\"");
    CHECK(csvField("say \"hi\"") == "\"say \"\"hi\"\"\"");
    CHECK(csvField("two\nlines") == "\"two\nlines\"");
}

TEST_CASE("Numbers come back exactly, and what is no number is left blank", "[core.trace]") {
    for (const double value : {0.0, 1.0, -2.5, 0.1, 1e-300, 123456789.123456789, 1e300})
        CHECK(std::strtod(csvNumber(value).c_str(), nullptr) == value);
    CHECK(csvNumber(std::nan("")) == "");
    CHECK(csvNumber(std::numeric_limits<double>::infinity()) == "");
}

TEST_CASE("A table has its header first and as many fields in every row", "[core.trace]") {
    CsvTable table({"plan", "bytes (bytes)", "kl (nats)"});
    table.text("a,b").integer(-5).number(0.5);
    table.text("dense").integer(1LL << 60).blank();
    CHECK(table.str() == "plan,bytes (bytes),kl (nats)\r\n\"a,b\",-5,0.5\r\ndense,1152921504606846976,\r\n");
    table.text("short");
    CHECK_THROWS_AS(table.str(), std::logic_error);
}
