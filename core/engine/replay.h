#pragma once
// What-if: one head's attention drawn again from a captured dense run, under any plan, without running the
// model. It answers "this layer, had its inputs been the dense ones", and the window says so.

#include <atomic>
#include <cstdint>
#include <vector>

namespace fovea {

class Capture;
struct AttentionPlan;

// Rows are queries 0..tokens-1, columns keys 0..tokens-1; row i sees keys 0..i, within the layer's own
// window.
struct HeadMap {
    int layer = 0, head = 0;
    std::int64_t tokens = 0;
    std::int64_t decodeFrom =
        0; // the plan's read acts from this row on, and its keep, unless it masks the prompt
    std::int64_t actsFrom = 0; // rows before it were read dense: decodeFrom, or 0 where the prompt is masked
    std::vector<float> weights;       // (tokens, tokens) softmax over all keys as stored, 0 above the diagonal
    std::vector<std::int64_t> first;  // (tokens + 1) row i's chosen keys are chosen[first[i] .. first[i+1])
    std::vector<std::int32_t> chosen; // sorted; empty for rows that were read dense
    std::vector<float> missed;        // (tokens) dense mass of the keys not read, 0 for dense rows
    // (tokens) the first row that finds key j evicted by the plan or out of the model's own window; `tokens`:
    // none
    std::vector<std::int64_t> gone;
};

// One page of slots that Quest may read.
struct PageStage {
    float bound = 0; // what no key of it can exceed with this head's query
    float exact = 0; // the largest logit of its keys
    bool chosen = false;
    std::int32_t rows = 0, oldest = 0, newest = 0; // live keys, and the positions of two of them
};

// One query of one head, stage by stage.
struct QueryStages {
    enum class Method : std::uint8_t { All, Sparq, Topv, Quest };

    int layer = 0, head = 0;
    std::int64_t query = 0;
    bool sparse = false;  // not everything is read; else only the exact parts are filled
    bool guessed = false; // the plan's read chose among what is kept; else all of that is read
    Method method = Method::All; // and which one that was
    std::vector<float> q;                  // (d)
    std::vector<std::int32_t> components;  // r kept, sorted by index
    // (query + 1) what the choice was made by, NaN for evicted keys, one for the whole KV group: with
    // `softmax` ln of the group's summed ŝ, with `logits` its summed scaled logits. With one query head per
    // KV head that is q[i1]·K[i1]/tau, shifted. Of top-k V ln of the group's summed weights, of Quest the score of the
    // key's page.
    std::vector<float> approximate;
    std::vector<float> exact;          // (query + 1) the logits of all keys
    std::vector<std::int32_t> evicted; // sorted keys that dense attention would see and the plan has dropped
    std::vector<std::int32_t> chosen;  // sorted keys read in full
    std::vector<float> weights;        // with which the chosen are summed, same order: softmax over them, but see below
    std::vector<PageStage> pages;      // Quest's, in the order of slots
    float tau = 0;
    float alpha = 1;          // SparQ: what the chosen are thought to weigh; top-k V: what they do
    bool renormalised = true; // top-k V: the weights sum to 1 again, else to alpha
    // Lowest `approximate` that was chosen for its score, not for being local; infinite where all were local.
    float threshold = 0;
    float missed = 0;                        // mass of the keys not read, of all as they are stored
    int recalled = 0;                        // how many of this head's true top-k were chosen
    std::vector<float> denseOutput, output;  // (d)
    float error = 0;                         // |output - denseOutput| / |denseOutput|
};

// One head at a glance: thumbnail and the numbers to sort by, means over the queries from actsFrom on
// (over all where none is).
struct HeadSummary {
    int layer = 0, head = 0;
    int side = 0; // thumbnail is (side, side), max-pooled
    std::vector<float> thumbnail;
    float missed = 0, entropy = 0 /* nats */, sink = 0 /* mass on token 0 */;
};

// `tokens` is Run::capturedTokens. A set `cancel` ends the work early; the result is then not to be used.
HeadMap replayHead(const Capture& capture, std::int64_t tokens, int layer, int head,
                   const AttentionPlan& plan, std::int64_t decodeFrom, const std::atomic<bool>& cancel);
QueryStages replayQuery(const Capture& capture, std::int64_t query, int layer, int head,
                        const AttentionPlan& plan, std::int64_t decodeFrom);
HeadSummary summarise(const HeadMap& map, int side);

} // namespace fovea
