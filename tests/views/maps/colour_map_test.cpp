#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "views/maps/colour_map.h"
#include "views/maps/map_axis.h"

using namespace fovea;

TEST_CASE("Colour tables begin and end as published and grow steadily lighter", "[views.maps]") {
    CHECK(colourTable(ColourMap::Viridis).front() == qRgb(0x44, 0x01, 0x54));
    CHECK(colourTable(ColourMap::Viridis).back() == qRgb(0xfd, 0xe7, 0x25));
    CHECK(colourTable(ColourMap::Cividis).front() == qRgb(0x00, 0x22, 0x4e));
    CHECK(colourTable(ColourMap::Cividis).back() == qRgb(0xfe, 0xe8, 0x38));
    for (const ColourMap map : {ColourMap::Viridis, ColourMap::Cividis}) {
        double before = -1;
        for (const QRgb c : colourTable(map)) {
            const double light = 0.2126 * qRed(c) + 0.7152 * qGreen(c) + 0.0722 * qBlue(c);
            CHECK(light >= before - 0.6); // rounding of channels
            before = light;
        }
    }
}

TEST_CASE("The look-up agrees with the formula of its scale within one colour", "[views.maps]") {
    for (const ColourScale scale : {ColourScale::Log10, ColourScale::Linear, ColourScale::Sqrt,
                                    ColourScale::RowMax, ColourScale::TimesUniform}) {
        const ColourLookup lookup(scale);
        for (double value = 1e-9; value < 2000; value *= 1.0137) {
            const double exact = fraction(scale, value) * 255;
            REQUIRE(std::abs(lookup(static_cast<float>(value)) - exact) < 1.0);
        }
        CHECK(lookup(0) == 0);
        CHECK(lookup(-1) == 0);
        CHECK(lookup(std::numeric_limits<float>::quiet_NaN()) == 0);
        CHECK(lookup(std::numeric_limits<float>::infinity()) == 255);
        for (const ColourTick& tick : colourTicks(scale)) {
            CHECK(tick.fraction >= 0);
            CHECK(tick.fraction <= 1);
        }
    }
}

TEST_CASE("A place on the bar and its value are each other's inverse", "[views.maps]") {
    for (const ColourScale scale :
         {ColourScale::Log10, ColourScale::Linear, ColourScale::Sqrt, ColourScale::TimesUniform})
        for (const double place : {0.0, 0.1, 0.5, 0.93, 1.0})
            CHECK(fraction(scale, valueAt(scale, place)) == Approx(place).margin(1e-12));
    CHECK(fraction(ColourScale::Log10, 1e-3) == Approx(0.5));
    CHECK(fraction(ColourScale::Log10, 1e-12) == 0);
}

TEST_CASE("Axis ticks are whole, evenly spaced and far enough apart", "[views.maps]") {
    const auto ticks = positionTicks(380, 508, 3.4, 44);
    CHECK(ticks == std::vector<std::int64_t>{380, 400, 420, 440, 460, 480, 500});
    CHECK(positionTicks(0, 3, 100, 40) == std::vector<std::int64_t>{0, 1, 2});
    CHECK(positionTicks(5, 5, 1, 40).empty());
    CHECK(niceCeiling(0.026) == Approx(0.05));
    CHECK(niceCeiling(0.2) == Approx(0.2));
    CHECK(niceCeiling(7) == Approx(10));
    CHECK(niceCeiling(0) == 1);
    CHECK(missedScale(0.026) == Approx(0.05));
    CHECK(missedScale(2e-7) == Approx(0.01)); // of a plan that reads everything
}
