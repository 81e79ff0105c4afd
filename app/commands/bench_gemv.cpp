#include "app/commands/bench_gemv.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/commands/terminal.h"
#include "app/commands/threads.h"
#include "core/bench/gemv_bench.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    GemvBenchOptions bench;
    std::vector<std::string> forms = {"bf16", "rtn:bits=8", "rtn:bits=4"};
    bool json = false;
};

std::string jsonOf(const GemvBench& bench, const GemvBenchOptions& options) {
    Json results = Json::array();
    for (const GemvBenchResult& r : bench.results)
        results.push_back({{"weights", formText(r.form)},
                           {"median_seconds", r.medianSeconds},
                           {"spread", r.spread},
                           {"fastest_seconds", r.fastestSeconds},
                           {"formula_bytes", r.bytes},
                           {"gbps", r.gbps}});
    return Json{{"machine",
                 {{"read_gbps", bench.readGbps},
                  {"threads", bench.threads},
                  {"working_set_bytes", options.workingSet}}},
                {"rows", options.rows},
                {"columns", options.columns},
                {"vectors", options.vectors},
                {"results", results}}
               .dump(2) +
           "\n";
}

// Speed-ups are held against the first form.
std::string tableOf(const GemvBench& bench, const GemvBenchOptions& options) {
    char line[256];
    std::snprintf(line, sizeof line,
                  "read bandwidth %.1f GB/s, %d threads, matrices of %s in all; %lld x %lld by %d\n\n",
                  bench.readGbps, bench.threads, byteText(options.workingSet).c_str(),
                  static_cast<long long>(options.rows), static_cast<long long>(options.columns),
                  options.vectors);
    std::string table = line;
    table += "  timed (median)  spread (IQR)  formula        GB/s  of limit  faster  weights\n";
    const GemvBenchResult& first = bench.results.front();
    for (const GemvBenchResult& r : bench.results) {
        std::snprintf(line, sizeof line, "  %11.1f us  %9.1f us  %-9s  %8.1f  %6.1f %%  %5.2fx  %s\n",
                      r.medianSeconds * 1e6, r.spread * 1e6, byteText(r.bytes).c_str(), r.gbps,
                      100 * r.gbps / bench.readGbps, first.medianSeconds / r.medianSeconds,
                      formText(r.form).c_str());
        table += line;
    }
    return table;
}

void runGemv(Options& options) {
    for (const std::string& form : options.forms)
        options.bench.forms.push_back(parseMatrixForm(form));
    useThreads(options.bench.threads);
    std::optional<Progress> progress;
    options.bench.progress = [&](int, int total) {
        if (!progress)
            progress.emplace("measuring, with " + byteText(gemvBenchMemory(options.bench)) + " of memory",
                             total);
        progress->advance();
    };
    const GemvBench bench = runGemvBench(options.bench);
    progress.reset();
    printResult(options.json ? jsonOf(bench, options.bench) : tableOf(bench, options.bench));
}

} // namespace

void addGemvBench(CLI::App& bench) {
    CLI::App* gemv =
        bench.add_subcommand("gemv", "A matrix times vectors, with weights in each form, in turn");
    const auto options = std::make_shared<Options>();
    GemvBenchOptions& b = options->bench;
    gemv->add_option("--rows", b.rows, "Rows of the matrix")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20));
    gemv->add_option("--columns", b.columns, "Columns of the matrix")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20));
    gemv->add_option("--vectors", b.vectors, "Vectors multiplied at once")
        ->capture_default_str()
        ->check(CLI::Range(1, 256));
    gemv->add_option("--weights", options->forms,
                     "f32, f16, bf16 or rtn:… as in a plan's weights=…; give it again for more (default: "
                     "bf16, rtn:bits=8, "
                     "rtn:bits=4)")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    gemv->add_option("--threads", b.threads, "Threads (default: all)")->check(CLI::Range(0, 1024));
    gemv->add_option("--repeats", b.repeats, "Rounds")->capture_default_str()->check(CLI::Range(1, 10000));
    gemv->add_flag("--json", options->json, "One JSON object");
    gemv->callback([options] { runGemv(*options); });
}

} // namespace fovea
