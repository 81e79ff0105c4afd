#include "app/commands/bench.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/commands/bench_gemv.h"
#include "app/commands/terminal.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/bench/attention_bench.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    AttentionBenchOptions bench;
    std::vector<std::string> plans;
    bool json = false;
};

// Every plan runs on the layer that is asked for, or none does.
void requireRunnable(const Options& options) {
    const AttentionBenchOptions& bench = options.bench;
    if (bench.heads % bench.kvHeads != 0)
        throw UsageError("--heads " + std::to_string(bench.heads) + " is not a multiple of --kv-heads " +
                         std::to_string(bench.kvHeads));
    for (const AttentionPlan& plan : bench.plans) {
        const auto* sparq = std::get_if<SparqParams>(&plan.read);
        if (sparq && sparq->components > bench.headDim)
            throw UsageError("plan \"" + toText(plan) + "\" keeps r=" + std::to_string(sparq->components) +
                             " of --dim " + std::to_string(bench.headDim) + " components, lower r");
    }
}

std::string jsonOf(const AttentionBench& bench) {
    Json results = Json::array();
    for (const AttentionBenchResult& r : bench.results)
        results.push_back({{"plan", toText(r.plan)},
                           {"median_seconds", r.medianSeconds},
                           {"spread", r.spread},
                           {"fastest_seconds", r.fastestSeconds},
                           {"counted_bytes", r.countedBytes},
                           {"gbps", r.gbps}});
    return Json{{"machine",
                 {{"read_gbps", bench.readGbps},
                  {"threads", bench.threads},
                  {"working_set_bytes", bench.workingSetBytes}}},
                {"results", results}}
               .dump(2) +
           "\n";
}

// Speed-ups are held against the first plan: what was timed beside what the counted bytes promise.
std::string tableOf(const AttentionBench& bench) {
    char line[256];
    std::snprintf(line, sizeof line, "read bandwidth %.1f GB/s, %d threads, working set %s\n\n", bench.readGbps,
                  bench.threads, byteText(bench.workingSetBytes).c_str());
    std::string table = line;
    table += "  timed (median)  spread (IQR)  counted        GB/s  of limit  faster  fewer bytes  plan\n";
    const AttentionBenchResult& first = bench.results.front();
    for (const AttentionBenchResult& r : bench.results) {
        std::snprintf(line, sizeof line, "  %11.1f us  %9.1f us  %-9s  %8.1f  %6.1f %%  %5.2fx  %10.2fx  %s\n",
                      r.medianSeconds * 1e6, r.spread * 1e6, byteText(r.countedBytes).c_str(), r.gbps,
                      100 * r.gbps / bench.readGbps, first.medianSeconds / r.medianSeconds,
                      static_cast<double>(first.countedBytes) / static_cast<double>(r.countedBytes),
                      toText(r.plan).c_str());
        table += line;
    }
    return table;
}

void runBench(Options& options) {
    for (const std::string& plan : options.plans)
        options.bench.plans.push_back(parsePlan(plan));
    requireRunnable(options);
    useThreads(options.bench.threads);
    std::optional<Progress> progress;
    options.bench.progress = [&](int, int total) {
        if (!progress)
            progress.emplace("measuring, with " + byteText(benchMemory(options.bench)) + " of memory", total);
        progress->advance();
    };
    const AttentionBench bench = runAttentionBench(options.bench);
    progress.reset();
    printResult(options.json ? jsonOf(bench) : tableOf(bench));
}

} // namespace

void addBenchCommand(CLI::App& program) {
    CLI::App* bench = program.add_subcommand("bench", "Time kernels beside what this machine's memory gives");
    bench->require_subcommand(1);
    CLI::App* attention =
        bench->add_subcommand("attention", "Decode attention of one layer under each plan, in turn");
    const auto options = std::make_shared<Options>();
    AttentionBenchOptions& b = options->bench;
    attention->add_option("--context", b.context, "Cached tokens, S")->check(CLI::Range(1, 1 << 24));
    attention->add_option("--heads", b.heads, "Query heads, H")->check(CLI::Range(1, 1024));
    attention->add_option("--kv-heads", b.kvHeads, "KV heads, G; divides H")->check(CLI::Range(1, 1024));
    attention->add_option("--dim", b.headDim, "Head width, d")->check(CLI::Range(1, 1024));
    attention->add_option("--plan", options->plans, "Plan to time; give it again for more")
        ->required()
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    attention->add_option("--threads", b.threads, "Threads (default: all)")->check(CLI::Range(0, 1024));
    attention->add_option("--repeats", b.repeats, "Rounds")->check(CLI::Range(1, 10000));
    attention->add_flag("--json", options->json, "One JSON object");
    attention->callback([options] { runBench(*options); });
    addGemvBench(*bench);
}

} // namespace fovea
