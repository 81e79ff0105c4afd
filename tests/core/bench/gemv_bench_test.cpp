// The bench of products measures what it says.

#include <ATen/Parallel.h>

#include <stdexcept>

#include "core/bench/gemv_bench.h"
#include "core/plan/attention_plan.h"

#include <catch2/catch.hpp>

using namespace fovea;

TEST_CASE("The bench of products reports each form's own bytes, time and rate", "[core.bench]") {
    GemvBenchOptions options{
        .rows = 40, .columns = 200, .vectors = 2, .workingSet = 1 << 16, .threads = 1, .repeats = 3};
    for (const char* form : {"f32", "bf16", "rtn:bits=3,group=64", "rtn"})
        options.forms.push_back(parseMatrixForm(form));
    int last = 0;
    options.progress = [&](int done, int total) {
        CHECK(done == ++last);
        CHECK(total == 3);
    };
    const int before = at::get_num_threads();
    const GemvBench bench = runGemvBench(options);
    CHECK(at::get_num_threads() == before);
    CHECK(last == 3);
    CHECK(bench.threads == 1);
    CHECK(bench.readGbps > 0);
    REQUIRE(bench.results.size() == 4);
    CHECK(bench.results[0].bytes == 40 * 200 * 4);
    CHECK(bench.results[1].bytes == 40 * 200 * 2);
    CHECK(bench.results[2].bytes == 40 * (4 * 2 + 2 + 75)); // four groups: scales, zeros of 3 bits, codes
    CHECK(bench.results[3].bytes == 40 * (2 * 2 + 1 + 100));
    for (const GemvBenchResult& r : bench.results) {
        CHECK(r.fastestSeconds > 0);
        CHECK(r.medianSeconds >= r.fastestSeconds);
        CHECK(r.spread >= 0);
        CHECK(r.gbps == Approx(static_cast<double>(r.bytes) / r.medianSeconds / 1e9));
    }
}

TEST_CASE("Forms of a matrix are read as plans say weights, and nothing else is", "[core.bench]") {
    for (const char* form : {"f32", "f16", "bf16", "rtn", "rtn:bits=2,group=32,zero=free"})
        CHECK(formText(parseMatrixForm(form)) == form);
    for (const char* none :
         {"", "int4", "own", "rtn:bits=5", "rtn read=topv", "rtn:bits=4 weights=rtn", "f32:"})
        CHECK_THROWS_AS(parseMatrixForm(none), PlanError);
    CHECK_THROWS_AS(runGemvBench({}), std::invalid_argument);
    GemvBenchOptions huge{.rows = 1 << 24, .columns = 1 << 24, .forms = {RtnParams{}}};
    CHECK_THROWS_AS(runGemvBench(huge), std::invalid_argument);
}
