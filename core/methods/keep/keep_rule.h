#pragma once
// Which cached tokens the query at a position still sees: the plan's keep and the model's own sliding window
// as one rule per layer, or per query head where heads differ. A token that is not seen once is never seen
// again, so whatever the rule drops may leave the cache at the end of the step before (the streams of text that
// these methods are for have no other way back).
//
// Symbols   p position of the query, j of a cached token, s sinks, w window
// Distance  RoPE gives q·k by the distance p - j alone. Some methods meet their sinks at another one: the
//           rule says which, and kernels turn the query by the difference instead of touching stored keys.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/cache/traffic.h"
#include "core/methods/keep/span_growth.h"

namespace fovea {

struct AttentionPlan;
struct ModelSpec;
struct StepShape;

struct KeepRule {
    static constexpr std::int64_t kUnbounded = std::int64_t{1} << 40;
    enum class Distance : std::uint8_t { Original, Cache, Capped };

    std::int64_t sinks = 0;           // s: the first tokens, which the plan never drops
    std::int64_t window = kUnbounded; // w: newest tokens before the current one
    std::int64_t reach = kUnbounded;  // the model's own window: nothing further back, sinks included
    Distance distance = Distance::Original;
    std::int64_t cap = kUnbounded; // Capped: the longest distance at which a sink is met
    std::optional<SpanGrowth> growth; // then the window is its, and `window` says nothing

    // The oldest position of the window of the query at p; sinks may lie before it.
    std::int64_t oldest(std::int64_t p) const;
    // The same for the query at p, with a window that does not grow.
    KeepRule at(std::int64_t p) const;
    // Does the query at p see the token at j <= p?
    bool sees(std::int64_t p, std::int64_t j) const;
    // The first position whose query does not see the token at j; kUnbounded or more: there is none.
    std::int64_t unseenFrom(std::int64_t j) const;
    // How many tokens the query at p sees, its own included.
    std::int64_t seen(std::int64_t p) const;
    // At which distance it meets the token at j, which it sees: p - j, but for the sinks of some methods.
    std::int64_t distanceTo(std::int64_t p, std::int64_t j) const;
    // The longest distance at which any token is ever met; kUnbounded or more: there is none.
    std::int64_t longestDistance() const;
    // Is some token met at another distance than its own?
    bool turns() const { return distance != Distance::Original && sinks > 0; }

    bool operator==(const KeepRule&) const = default;
};

// Which query head of which layer is asked for; it matters to plans of spans per head alone.
struct HeadPlace {
    int layer = 0, head = 0;
};

// What a layer keeps: the plan's keep where `acts` (from decode-from on) within the model's own window, which
// is the number of tokens that one sees with itself; 0: all.
KeepRule keepRule(const AttentionPlan& plan, std::int64_t modelWindow, bool acts, HeadPlace place = {});

// The rules of one layer's query heads. They have their sinks and the model's own window in common, so what any of a
// group's heads sees is what the one with the longest window sees. A KV head holds what any head sees of any of the
// layers that read it.
class LayerKeep {
public:
    // readers: the layers that read the KV which this one reads; empty: this one alone.
    LayerKeep(const AttentionPlan& plan, int layer, std::int64_t modelWindow, bool acts, int queryHeads,
              int kvHeads, std::span<const int> readers = {});
    LayerKeep(const AttentionPlan& plan, const ModelSpec& spec, int layer, bool acts);

    // One rule for all heads?
    bool same() const { return m_rules.empty(); }
    int group() const { return m_group; }
    const KeepRule& of(int queryHead) const;
    // What any of this layer's heads sees of KV head g at p, as a rule that is good at p alone where heads differ.
    KeepRule read(int kvHead, std::int64_t p) const;
    // The same of what it holds.
    KeepRule held(int kvHead, std::int64_t p) const;
    // The first position for which it does not hold the token at j; KeepRule::kUnbounded or more: there is none.
    std::int64_t leavesAt(int kvHead, std::int64_t j) const;
    // Do query heads of KV head g see different tokens at p?
    bool parted(int kvHead, std::int64_t p) const;

private:
    KeepRule longest(const std::vector<KeepRule>& rules, int kvHead, std::int64_t p) const;

    KeepRule m_one;                // of all heads, where they are alike
    std::vector<KeepRule> m_rules; // one per query head, else none
    std::vector<KeepRule> m_all;   // those of all layers that read, layer after layer; empty: m_rules
    int m_group;
};

// The rules of the layer that `shape` is of: its own, or those it lends to `made`.
const LayerKeep& layerKeepOf(const AttentionPlan& plan, const StepShape& shape,
                             std::optional<LayerKeep>& made);

// How many sums of values each KV head keeps for a read that stands in for the rest by their mean: one, or one for
// each query head where the plan gives heads spans of their own, since each has another rest.
int valueSumsPerHead(const AttentionPlan& plan, int group);

// Formula: bytes that one layer's eviction reads and writes in the step of `shape`, all KV heads. Per row and
// KV head, with e bytes per element; d·e of a row is what it takes as codes where rows are codes, scales and all:
//
//   dropped    d·e   its value is read and
//              8·d   taken from the fp32 sum (read, written): only where the plan's read keeps one, and for each
//                    query head whose sum it leaves where they have sums of their own
//   moved      4·d·e K and V of a row that changes slot, so that live slots stay the first (read, written)
//              2·d·e its entries in the component-major copy, where there is one (read, written)
//              4·d·e the bounds of the page it goes to, where there are some (read, written; only written for the
//                    first row of a page, which quest.h takes off)
//   resummed   d·e   every live value is read again where one that was no number left the sum, and
//              4·d   the sum written, once
Traffic predictEviction(const AttentionPlan& plan, const StepShape& shape);

} // namespace fovea
