#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>

#include "core/train/exact_number.h"

using namespace fovea;
using Json = nlohmann::ordered_json;

TEST_CASE("A number of a file is taken where its type holds it, and refused elsewhere", "[core.train]") {
    CHECK(exactNumber<int>(Json(-7)) == -7);
    CHECK(exactNumber<std::uint64_t>(Json(std::numeric_limits<std::uint64_t>::max())) == ~std::uint64_t{0});
    CHECK(exactNumber<double>(Json(3)) == 3);
    CHECK(exactNumber<bool>(Json(true)));
    CHECK_THROWS(exactNumber<int>(Json(std::int64_t{1} << 31)));
    CHECK_THROWS(exactNumber<std::int64_t>(Json(std::uint64_t{1} << 63)));
    CHECK_THROWS(exactNumber<std::uint64_t>(Json(-1)));
    CHECK_THROWS(exactNumber<std::int64_t>(Json(1e300)));
    CHECK_THROWS(exactNumber<int>(Json(2.5)));
    CHECK_THROWS(exactNumber<int>(Json("2")));
    CHECK_THROWS(exactNumber<int>(Json(true)));
}
