#include "app/commands/bench_decode.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/commands/terminal.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/bench/decode_bench.h"
#include "core/kernels/cuda/kernels.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    DecodeBenchOptions bench;
    std::vector<std::string> plans = {"dense", "weights=rtn:bits=8", "weights=rtn:bits=4"};
    std::string backend = "cpu";
    bool json = false;
};

std::string jsonOf(const DecodeBench& bench, const DecodeBenchOptions& options) {
    Json results = Json::array();
    for (const DecodeBenchResult& r : bench.results)
        results.push_back({{"plan", toText(r.plan, SpansText::Whole)},
                           {"median_seconds", r.medianSeconds},
                           {"spread", r.spread},
                           {"fastest_seconds", r.fastestSeconds},
                           {"attention_seconds", r.attentionSeconds},
                           {"counted_weight_bytes", r.weightBytes},
                           {"counted_attention_bytes", r.attentionBytes},
                           {"gbps", r.gbps},
                           {"of_limit", r.gbps / bench.limitGbps},
                           {"prompt_seconds", r.promptSeconds},
                           {"prompt_gflops", r.promptGflops}});
    const RandomShape& shape = options.shape;
    return Json{{"machine",
                 {{bench.device.empty() ? "read_gbps" : "copy_gbps", bench.limitGbps},
                  {"device", bench.device.empty() ? "CPU" : bench.device},
                  {"threads", bench.threads}}},
                {"model",
                 {{"layers", shape.layers},
                  {"query_heads", shape.queryHeads},
                  {"kv_heads", shape.kvHeads},
                  {"head_dim", shape.headDim},
                  {"ffn", shape.ffn},
                  {"vocabulary", shape.vocabulary},
                  {"parameters", bench.parameters},
                  {"huge_pages", shape.hugePages}}},
                {"prompt_tokens", options.promptTokens},
                {"formula_prompt_flops", bench.promptFlops},
                {"results", results}}
               .dump(2) +
           "\n";
}

// Speed-ups are held against the first plan.
std::string tableOf(const DecodeBench& bench, const DecodeBenchOptions& options) {
    const RandomShape& shape = options.shape;
    char line[320];
    std::snprintf(
        line, sizeof line,
        "%s %.1f GB/s%s; a Llama of %.0f M random weights: %d layers, width %d, "
        "H = %d, G = %d, F = %d, V = %d; float weights in %s pages\n\n",
        bench.device.empty() ? "read bandwidth" : (bench.device + " copies").c_str(), bench.limitGbps,
        bench.device.empty() ? (", " + std::to_string(bench.threads) + " threads").c_str() : "",
        static_cast<double>(bench.parameters) / 1e6, shape.layers, shape.queryHeads * shape.headDim,
        shape.queryHeads, shape.kvHeads, shape.ffn, shape.vocabulary, shape.hugePages ? "large" : "small");
    std::string table = line;
    std::snprintf(
        line, sizeof line,
        "  step (median)  spread (IQR)  attention  weights    GB/s  of limit  faster  %4d tokens   GFLOP/s  "
        "plan\n",
        options.promptTokens);
    table += line;
    const DecodeBenchResult& first = bench.results.front();
    for (const DecodeBenchResult& r : bench.results) {
        std::snprintf(line, sizeof line,
                      "  %10.0f us  %9.0f us  %6.0f us  %-9s  %4.1f  %6.1f %%  %5.2fx  %8.1f ms  %8.0f  ",
                      r.medianSeconds * 1e6, r.spread * 1e6, r.attentionSeconds * 1e6,
                      byteText(r.weightBytes).c_str(), r.gbps, 100 * r.gbps / bench.limitGbps,
                      first.medianSeconds / r.medianSeconds, r.promptSeconds * 1e3, r.promptGflops);
        table += line + toTitle(r.plan) + "\n";
    }
    return table +
           "\nGB/s: counted bytes of weights / time of a step. GFLOP/s: 2 x tokens x weights of the layers' "
           "matrices / time of the prompt.\n";
}

void runDecode(Options& options) {
    options.bench.backend = *backendOf(options.backend);
    if (options.bench.backend == Backend::Cuda && !cuda::available())
        throw UsageError("there is no GPU to measure: " + cuda::whyUnavailable());
    for (const std::string& plan : options.plans)
        options.bench.plans.push_back(parsePlan(plan));
    useThreads(options.bench.threads);
    std::optional<Progress> progress;
    options.bench.progress = [&](int, int total) {
        if (!progress)
            progress.emplace("measuring", total);
        progress->advance();
    };
    try {
        const DecodeBench bench = runDecodeBench(options.bench);
        progress.reset();
        printResult(options.json ? jsonOf(bench, options.bench) : tableOf(bench, options.bench));
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

} // namespace

void addDecodeBench(CLI::App& bench) {
    CLI::App* decode = bench.add_subcommand(
        "decode",
        "Whole steps of a Llama with random weights under each plan, in turn, and the reading of a prompt");
    const auto options = std::make_shared<Options>();
    DecodeBenchOptions& b = options->bench;
    RandomShape& s = b.shape;
    decode->add_option("--backend", options->backend, "cpu or cuda (a GPU; default: cpu)")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    decode->add_option("--layers", s.layers, "Layers")->capture_default_str()->check(CLI::Range(1, 1024));
    decode->add_option("--heads", s.queryHeads, "Query heads, H")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    decode->add_option("--kv-heads", s.kvHeads, "KV heads, G; divides H")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    decode->add_option("--dim", s.headDim, "Head width, d, even; the model's is H times that")
        ->capture_default_str()
        ->check(CLI::Range(2, 1024));
    decode->add_option("--ffn", s.ffn, "Width of the feed-forward, F")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20));
    decode->add_option("--vocabulary", s.vocabulary, "Vocabulary, V")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20));
    decode->add_option("--prompt-tokens", b.promptTokens, "Tokens of the prompt")
        ->capture_default_str()
        ->check(CLI::Range(1, 4095));
    decode->add_flag(
        "!--small-pages", s.hugePages,
        "Float weights in pages of 4 KiB, as those of a mapped file lie (default: of 2 MiB); packed ones "
        "are in large pages always");
    decode
        ->add_option("--plan", options->plans,
                     "Plan to time; give it again for more (default: dense, weights=rtn:bits=8, "
                     "weights=rtn:bits=4)")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    decode->add_option("--threads", b.threads, "Threads (default: all)")->check(CLI::Range(0, 1024));
    decode->add_option("--repeats", b.repeats, "Rounds")->capture_default_str()->check(CLI::Range(1, 10000));
    decode->add_flag("--json", options->json, "One JSON object");
    decode->callback([options] { runDecode(*options); });
}

} // namespace fovea
