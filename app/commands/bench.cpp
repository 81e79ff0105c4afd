#include "app/commands/bench.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/commands/bench_decode.h"
#include "app/commands/bench_device.h"
#include "app/commands/bench_gemv.h"
#include "app/commands/line_text.h"
#include "app/commands/result_file.h"
#include "app/commands/terminal.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/bench/attention_bench.h"
#include "core/bench/bench_suite.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    AttentionBenchOptions bench;
    std::vector<std::string> plans;
    std::int64_t suiteContext = 32768;
    bool json = false;
    // Of `bench all`.
    std::string device = "cpu";
    std::string jsonFile; // empty: to stdout
};

// What a plan is held against: the speed-up that was timed, and what the counted bytes promise.
struct Held {
    const AttentionBenchResult &result, &against;

    double faster() const { return against.medianSeconds / result.medianSeconds; }
    double promised() const {
        return static_cast<double>(against.countedBytes) / static_cast<double>(result.countedBytes);
    }
};

Json jsonOf(const SuiteTable& table, const AttentionBench& bench) {
    Json results = Json::array();
    for (std::size_t i = 0; i < bench.results.size(); ++i) {
        const AttentionBenchResult& r = bench.results[i];
        const Held held{r, bench.results[table.rows[i].against]};
        results.push_back({{"plan", toText(r.plan, SpansText::Whole)},
                           {"median_seconds", r.medianSeconds},
                           {"spread", r.spread},
                           {"fastest_seconds", r.fastestSeconds},
                           {"counted_bytes", r.countedBytes},
                           {"rows", r.rows},
                           {"gbps", r.gbps},
                           {"of_limit", r.gbps / bench.readGbps},
                           {"against", toText(held.against.plan, SpansText::Whole)},
                           {"faster", held.faster()},
                           {"promised", held.promised()}});
    }
    const BenchShape& shape = table.shape;
    return {{"shape",
             {{"context", shape.context},
              {"query_heads", shape.heads},
              {"kv_heads", shape.kvHeads},
              {"head_dim", shape.headDim}}},
            {"machine",
             {{"read_gbps", bench.readGbps},
              {"threads", bench.threads},
              {"working_set_bytes", bench.workingSetBytes}}},
            {"results", results}};
}

std::string tableOf(const SuiteTable& table, const AttentionBench& bench) {
    const BenchShape& shape = table.shape;
    std::string written = lineText(
        "S = %lld, H = %d, G = %d, d = %d%s%s\nread bandwidth %.1f GB/s, %d threads, working set %s\n\n",
        static_cast<long long>(shape.context), shape.heads, shape.kvHeads, shape.headDim,
        table.title.empty() ? "" : ": ", table.title.c_str(), bench.readGbps, bench.threads,
        byteText(bench.workingSetBytes).c_str());
    written += "  timed (median)  spread (IQR)  counted     GB/s  of limit   faster  promised  kept  plan\n";
    for (std::size_t i = 0; i < bench.results.size(); ++i) {
        const AttentionBenchResult& r = bench.results[i];
        const std::size_t against = table.rows[i].against;
        written +=
            lineText("  %11.1f us  %9.1f us  %-9s  %5.1f  %6.1f %%", r.medianSeconds * 1e6, r.spread * 1e6,
                     byteText(r.countedBytes).c_str(), r.gbps, 100 * r.gbps / bench.readGbps);
        const Held held{r, bench.results[against]};
        written += against == i ? lineText("  %7s  %8s  %4s", "-", "-", "-")
                                : lineText("  %6.2fx  %7.2fx  %4.2f", held.faster(), held.promised(),
                                           held.faster() / held.promised());
        written += "  " + toTitle(r.plan);
        if (against != i && against != 0)
            written += "  (against " + toTitle(held.against.plan) + ")";
        written += "\n";
    }
    return written;
}

AttentionBench measured(AttentionBenchOptions options) {
    std::optional<Progress> progress;
    options.progress = [&](int, int total) {
        if (!progress)
            progress.emplace("measuring, with " + byteText(benchMemory(options)) + " of memory", total);
        progress->advance();
    };
    try {
        return runAttentionBench(options);
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

// Speed-ups are held against the first plan.
void benchPlans(Options& options) {
    SuiteTable table{.title = {}, .shape = options.bench.shape, .rows = {}};
    for (const std::string& plan : options.plans)
        table.rows.push_back({parsePlan(plan), 0});
    options.bench.plans = table.plans();
    useThreads(options.bench.threads);
    const AttentionBench bench = measured(options.bench);
    printResult(options.json ? jsonOf(table, bench).dump(2) + "\n" : tableOf(table, bench));
}

void benchAllOnGpu(const Options& options, const CLI::App& command) {
    for (const char* const name : {"--context", "--threads"})
        if (command.get_option(name)->count() > 0)
            throw UsageError(std::string(name) +
                             " is for --device cpu, the GPU's bench has a grid of its own; leave it out");
    benchDevice({.repeats = options.bench.repeats, .json = options.json, .jsonFile = options.jsonFile});
}

void benchAll(Options& options) {
    requireResultFile(options.jsonFile);
    useThreads(options.bench.threads);
    Json tables = Json::array();
    std::string written;
    for (const SuiteTable& table : benchSuite(options.suiteContext)) {
        options.bench.shape = table.shape;
        options.bench.plans = table.plans();
        const AttentionBench bench = measured(options.bench);
        if (options.json)
            tables.push_back(jsonOf(table, bench));
        else
            printResult((written.empty() ? "" : "\n") + (written = tableOf(table, bench)));
    }
    if (options.json)
        writeResult(Json{{"tables", tables}}.dump(2) + "\n", options.jsonFile);
}

void addTimingOptions(CLI::App& command, Options& options) {
    command.add_option("--threads", options.bench.threads, "Threads (default: all)")
        ->check(CLI::Range(0, 1024));
    command.add_option("--repeats", options.bench.repeats, "Rounds")
        ->capture_default_str()
        ->check(CLI::Range(1, 10000));
    command.add_flag("--json", options.json, "One JSON object");
}

void addSuite(CLI::App& bench, const std::shared_ptr<Options>& options) {
    CLI::App* all =
        bench.add_subcommand("all", "Every method over every float store, beside what it promises");
    all->add_option("--context", options->suiteContext, "Cached tokens, S")
        ->capture_default_str()
        ->check(CLI::Range(64, 1 << 24));
    all->add_option("--device", options->device,
                    "cpu (default), or cuda: dense, SparQ, rounded rows and products on the GPU")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    addTimingOptions(*all, *options);
    all->add_option("FILE", options->jsonFile, "Where the JSON goes (default: stdout)");
    all->callback([options, all] {
        if (!options->jsonFile.empty() && !options->json)
            throw UsageError(options->jsonFile + " would take JSON alone, add --json");
        if (options->device == "cuda")
            benchAllOnGpu(*options, *all);
        else
            benchAll(*options);
    });
}

} // namespace

void addBenchCommand(CLI::App& program) {
    CLI::App* bench = program.add_subcommand("bench", "Time kernels beside what this machine's memory gives");
    bench->require_subcommand(1);
    const auto options = std::make_shared<Options>();
    BenchShape& shape = options->bench.shape;

    CLI::App* attention =
        bench->add_subcommand("attention", "Decode attention of one layer under each plan, in turn");
    attention->add_option("--context", shape.context, "Cached tokens, S")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 24));
    attention->add_option("--heads", shape.heads, "Query heads, H")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    attention->add_option("--kv-heads", shape.kvHeads, "KV heads, G; divides H")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    attention->add_option("--dim", shape.headDim, "Head width, d")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    attention->add_option("--plan", options->plans, "Plan to time; give it again for more")
        ->required()
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    addTimingOptions(*attention, *options);
    attention->callback([options] { benchPlans(*options); });

    addSuite(*bench, options);
    addGemvBench(*bench);
    addDecodeBench(*bench);
}

} // namespace fovea
