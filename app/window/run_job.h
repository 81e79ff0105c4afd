#pragma once
// The engine's work for the window: A chooses tokens, B is fed the same ones, and the two are compared.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/window/document.h"
#include "app/window/live_run.h"
#include "core/engine/compare.h"
#include "core/engine/run.h"
#include "core/trace/run_json.h"

namespace fovea {

// Everything a run depends on, copied from the document when it starts.
struct RunRequest {
    std::shared_ptr<const LoadedModel> model;
    std::string prompt;
    bool chat = false; // the prompt is a user's turn
    std::vector<int> promptTokens;
    AttentionPlan planA, planB;
    RunSettings settings;
    std::int64_t decodeFrom = 0;
    std::int64_t captureBudget = 0; // bytes, for A, and for B where it shares KV otherwise (MemoryQuestion)
};

// Room that Step may use after Run has made its tokens.
inline constexpr std::int64_t kSpareTokens = 64;

struct RunPair {
    std::shared_ptr<const Run> a, b;
    std::shared_ptr<const Comparison> comparison; // null until B is as long as A
    bool fromFile = false; // read, not made here: there is nothing to replay heads from
    std::shared_ptr<const std::vector<std::string>> pieces; // what is written on A's tokens, where the file says so
};

// The runs as a file keeps them. `pieces` are what is written on A's tokens.
RunFile runFileOf(const RunPair& runs, std::vector<std::string> pieces);
RunPair runPairOf(RunFile file);

// Two runs that can go on. Created on the interface's thread, touched by one engine job at a time.
struct LivePair {
    RunRequest request;
    std::vector<int> tokens; // all that A chose; survives a re-run of A that was cut short
    std::unique_ptr<LiveRun> a, b;
};

// What an engine job tells on its way: the runs so far and its share done, 0..1.
using PairObserver = std::function<void(const RunPair& soFar, double fraction)>;

// A chooses `tokens` more (starting with the prompt when it is new), then B follows. A set `cancel` ends it
// early with what there is. Throws PlanError, std::bad_alloc.
RunPair advancePair(LivePair& pair, std::int64_t tokens, const PairObserver& observer,
                    const std::atomic<bool>& cancel);

// B anew under the request's plan, on A's tokens; with `both` A too, for a moved decodeFrom. The request has
// the pair's model, prompt and plan A.
RunPair refollow(LivePair& pair, const RunRequest& request, bool both, const PairObserver& observer,
                 const std::atomic<bool>& cancel);

// Steps of a run whose formula and ledger agree in every component, moved and held.
struct Agreement {
    std::int64_t steps = 0, agreeing = 0;
};
Agreement formulaAgainstCounted(const Run& run);

} // namespace fovea
