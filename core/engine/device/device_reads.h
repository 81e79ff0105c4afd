#pragma once
// One layer's attention of a step on the GPU: the plan's read as launches, of several texts together or of one, and what they
// moved.
//
// Counted is every span that is handed to a kernel, once for each kernel that reads or writes it; what a kernel reads
// again from the second-level cache its own comment says. Which pages Quest chose, and what a read told, only the device
// knows: that comes back with the step's results.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"
#include "core/engine/device/cache_twin.h"
#include "core/engine/device/device_turns.h"
#include "core/engine/device/room.h"
#include "core/kernels/cpu/read_report.h"
#include "core/kernels/cuda/attend_turned.h"
#include "core/kernels/cuda/reads.h"

namespace fovea {

struct AttentionPlan;
class LayerKeep;
struct ModelSpec;

// Of one layer of one text.
struct DeviceRead {
    int layer = 0;
    std::int64_t text = 0; // among the step's
    bool planned = false;
    const CacheTwin* rows = nullptr;     // the newest token's among them
    std::span<const std::int64_t> slots; // (G) live ones, as the host knows them
    std::span<const std::int64_t> seen;  // (G) those that any query head sees, of the slots
    const LayerKeep* keep = nullptr;     // which these are, of the query at `position`
    std::int64_t position = 0;
    bool inOrder = true;      // is the order of slots that of age, in every KV head?
    const float* q = nullptr; // (n, H, d) of the step's n texts
    float* out = nullptr;     // (n, H, d)
    const cuda::HeadSight* sights =
        nullptr;        // (n, H) on the device; null: this one's heads of a group see alike
    DeviceTurns turns;  // slots that are hidden from these sights, and met by turned queries
    bool tells = false; // the keep hears of it
};

class DeviceReads {
public:
    // Both outlive it.
    DeviceReads(const AttentionPlan& plan, const ModelSpec& spec);

    // Before a step's first read: of each text, of at most `longest` slots in any layer, with at most `turns` of them met by
    // turned queries. Takes what memory they need; throws cuda::OutOfMemory.
    void begin(std::span<const std::int64_t> longest, int turns, bool planned, bool tells);
    // May one launch serve both, of the same layer?
    bool goTogether(const DeviceRead& a, const DeviceRead& b) const;
    std::int64_t mostTogether() const; // texts of a launch
    // How many share out the slots of the read, or its list: as many as if it were alone.
    int splits(const DeviceRead& read) const;
    // Queues one, or several that go together, the first one's tables being those that `batch` begins with; `splits` is the
    // most that one of them has. What is queued changes with the longest one's room alone, not with every slot: see room.
    void attend(std::span<const DeviceRead> reads, const cuda::TextBatch& batch, int splits,
                cuda::Stream stream);
    // What it moved, but for the rows that Quest chose: once the host has the step's rows, and was given what was fetched.
    void count(const DeviceRead& read, Traffic& moved) const;
    // Slots that a launch has room for in the fullest KV head.
    static std::int64_t room(const DeviceRead& read);
    // Queues the copying of what was told, for all reads of the step; then, once the stream was waited for, of each.
    void fetch(cuda::Stream stream);
    // Good until the next begin.
    const cpu::ReadReport& told(const DeviceRead& read);
    // Quest: did each KV head (G) choose the last page of its slots? Empty for reads that choose none. Counts what the
    // choice made the read move.
    std::span<const char> choseLastPages(const DeviceRead& read, Traffic& moved);

private:
    enum class Kind : std::uint8_t { All, Sparq, Quest, Topv };
    Kind kindOf(int layer, bool planned) const;
    bool tellsGuess() const;
    // Are the chosen slots of every read fetched: to be told of, or because only they say how many bytes a row has?
    bool fetchesLists() const { return m_tells || m_mixed; }
    std::int64_t mostChosen(std::int64_t longest) const;

    // Reads of one launch: what they have alike the first one has.
    struct Launch {
        const DeviceRead& read;
        cuda::TextBatch batch;
        int splits;
        std::int64_t longest;
        // Where what each text has a part of begins, for kernels: at the only text's, or at that of text 0.
        std::int64_t text() const { return batch.places ? 0 : read.text; }
    };
    cuda::AttendAll shape() const;
    cuda::AttendAll stepOf(const Launch& launch);
    cuda::ReadStep readStepOf(const cuda::AttendAll& step, std::int64_t longest) const;
    cuda::TurnedSlots turn(const Launch& launch, cuda::Stream stream);
    void attendAll(const Launch& launch, cuda::Stream stream);
    void attendSparq(const Launch& launch, cuda::Stream stream);
    void attendQuest(const Launch& launch, cuda::Stream stream);
    void attendTopv(const Launch& launch, cuda::Stream stream);

    std::int64_t scratchNeeded() const;
    std::int64_t indexOf(const DeviceRead& read) const { return read.layer * texts() + read.text; }
    std::int64_t indexOf(const Launch& launch) const { return launch.read.layer * texts() + launch.text(); }
    std::int64_t texts() const { return std::ssize(m_longestOf); }
    std::int64_t partOf(const Launch& launch) const;
    cuda::ReadLogits logitsOf(const Launch& launch) const;
    cuda::ReadChoice choiceOf(const Launch& launch) const;
    cuda::LogitReport listedReportOf(const Launch& launch) const;
    void countRows(const DeviceRead& read, Component rows, std::int64_t n, Traffic& moved) const;
    void countAll(const DeviceRead& read, Component rows, Traffic& moved) const;
    void countListed(const DeviceRead& read, Component rows, int kvHead, std::int64_t n,
                     Traffic& moved) const;
    void countChosen(const DeviceRead& read, std::int64_t most, std::initializer_list<Component> parts,
                     Traffic& moved) const;

    const AttentionPlan& m_plan;
    const ModelSpec& m_spec;
    std::optional<RtnParams> m_codes; // of rows that are no floats
    bool m_mixed;                     // are some of these exact?
    int m_valueSums;                  // of each KV head
    int m_multiprocessors;

    // Of a step. What is told has a part for each read, since all is fetched at its end; what is not, one for each text.
    std::vector<std::int64_t> m_longestOf; // (n) slots of each text
    std::int64_t m_reads = 0, m_longest = 0, m_stride = 0;
    std::int64_t m_most = 0; // slots that a read chooses of a KV head; 0: all are read
    std::int64_t m_pageStride = 0;
    bool m_planned = false, m_tells = false;
    Room<float> m_partials, m_scratch, m_weights, m_taus, m_pageScores;
    Room<std::int32_t> m_components, m_chosenPages, m_pageCounts;
    Room<float> m_logits, m_tops, m_sums;                   // of all slots
    Room<float> m_listedLogits, m_listedTops, m_listedSums; // of those that were chosen
    Room<std::int32_t> m_slots, m_counts;
    Room<float> m_alphas;
    Room<std::int64_t> m_seenTokens;              // (n, H) by sight
    Room<float> m_turnedQueries, m_turnedScratch; // (most turns, H, d)

    struct Told { // the same on the host
        HostRoom<float> logits, tops, sums, listedLogits, listedTops, listedSums, alphas;
        HostRoom<std::int32_t> slots, counts, pages, pageCounts;
    };
    Told m_told;
    std::vector<char> m_lastPages; // (G)
    cpu::ReadReport m_report;
};

} // namespace fovea
