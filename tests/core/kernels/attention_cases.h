#pragma once
// Every way in which a step's attention is computed on the CPU, as one list: method × heads × width × length × batch ×
// store, and what the plan's keep does to it. Each case is held against the methods' truths in double precision.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/cache/kv_cache.h"
#include "core/engine/turned_queries.h"
#include "core/kernels/cpu/attention.h"
#include "core/methods/keep/keep_rule.h"
#include "core/plan/attention_plan.h"
#include "tests/support/some_codecs.h"

namespace fovea::test {

struct AttentionCase {
    // What query heads see of what their KV head holds: all of it; in slots that were used before; heads of their own
    // spans; beside rows that are held for another layer; sinks at another distance; all, and a keep hears of it.
    enum class Sight : std::uint8_t { All, Lived, Spans, Borrowed, Turned, Reported };
    static constexpr int kSights = 6;
    enum class Keys : std::uint8_t { Random, Equal, Broken }; // the last but for one that has a NaN

    AttentionPlan plan; // keep, read, and how rows are coded
    Sight sight = Sight::All;
    Keys keys = Keys::Random;
    int queryHeads = 1, kvHeads = 1, headDim = 32;
    ElementType type = ElementType::F32; // of what is held as floats
    std::vector<std::int64_t> lengths = {1}; // of the texts of a batch
    int slotsPerBlock = 256;

    int group() const { return queryHeads / kvHeads; }
    std::string text() const;
};

std::vector<AttentionCase> attentionCases();

// What was computed: outputs, and of every KV head of every text what was chosen.
struct AttentionResult {
    std::vector<float> out; // (B·H, d)
    Traffic moved;
    std::vector<std::vector<std::int32_t>> chosen; // slots; of Quest pages; empty where all is read
    std::vector<char> lastPages;
    std::vector<MixedCounts> mixed; // of each text
    std::vector<std::vector<float>> heard; // (B·G, S) what a keep hears of, where it does
};

// The caches of a case's texts, and their queries.
class AttentionCaseState {
public:
    AttentionCaseState(const AttentionCase& what, std::uint32_t seed);

    AttentionResult run(cpu::AttentionScratch& scratch);

    std::int64_t views() const { return std::ssize(m_views); }
    const KvView& view(std::int64_t i) const { return m_views[static_cast<std::size_t>(i)]; }
    at::Tensor queries(std::int64_t i) const; // (g, d) of the i-th view
    // (g, S) what they see; undefined: all.
    at::Tensor seen(std::int64_t i) const;
    const LayerKeep& keep() const { return m_keep; }
    Traffic predicted(const AttentionResult& result) const; // of the reads, by formula
    // Slot of the i-th view becomes infinite behind the cache's back: bounds, columns and sums do not know. (A row that a
    // mixed store holds exactly stays as it is.)
    void spoil(std::int64_t i, std::int64_t slot, bool key, bool value);
    // Whether kernels see what the codes of a mixed store stand for, and may read them themselves.
    void reveal(bool revealed);

private:
    void fill(KvCache& cache, std::int64_t tokens, const float* rows);

    const AttentionCase& m_case;
    LayerKeep m_keep, m_held; // what queries see, and what stays
    std::shared_ptr<const StoreCodecs> m_codecs;
    std::vector<std::unique_ptr<KvCache>> m_caches;
    std::vector<KvView> m_views;
    std::vector<cpu::HeadSight> m_sights;
    std::vector<float> m_queries;
    TurnedQueries m_turned;
};

// The truths' answer to what the kernels chose, in double precision, and how far fp32 may lie from it.
struct CaseTruth {
    at::Tensor output; // (g, d)
    double bound = 0;
    at::Tensor score; // (S) or (N) what the choice is made by; undefined where all is read
    double scoreBound = 0;
    std::int64_t wanted = 0;          // how many are chosen
    std::vector<std::int32_t> always; // and which of them by right
    at::Tensor heard;                 // (S)
};
CaseTruth truthOf(const AttentionCase& what, const AttentionCaseState& state, std::int64_t view,
                  const std::vector<std::int32_t>& chosen);

} // namespace fovea::test
