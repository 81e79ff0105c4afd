// Medians and spreads of what was timed.

#include "core/engine/samples.h"

#include <catch2/catch.hpp>

using namespace fovea;

TEST_CASE("Samples tell quantiles whatever order they came in", "[core.engine]") {
    Samples samples;
    samples.add(3);
    CHECK(samples.quantile(.5) == 3);
    CHECK(samples.spread() == 0);
    for (const double seconds : {1, 5, 2, 4})
        samples.add(seconds);
    CHECK(samples.quantile(0) == 1);
    CHECK(samples.quantile(.5) == 3);
    CHECK(samples.quantile(1) == 5);
    CHECK(samples.quantile(.6) == Approx(3.4)); // between neighbours in proportion
    CHECK(samples.spread() == Approx(2));
}
