#pragma once
// What a keep remembers of every cached row of one (layer, KV head) to rank tokens by: H2O's sums, Scissorhands'
// histories. By slot on the CPU, where it follows rows as they move; the reference keeps tensors by the age of tokens
// and updates them by the methods' truths. Both forget a row as it leaves.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/cache/slot_table.h"
#include "core/cache/traffic.h"

namespace at {
class Tensor;
}

namespace fovea {

struct AttentionPlan;

// What T queries gave to S rows: weights summed over the group's `heads`, in slot order.
struct HeardWeights {
    const at::Tensor& weights; // (T, S) fp32, 0 where hidden
    const at::Tensor& seen;    // (T, S) bool
    int heads;
};

class RowScores {
public:
    virtual ~RowScores() = default;

    // Of several layers that read the rows all are heard in turn, before any row leaves: the `reader`th of them, of the
    // owner 0.

    // The T newest rows of `view` are new, and their queries gave this.
    virtual void prefilled(const KvView& view, const HeardWeights& heard, int reader) = 0;
    // One decode step: its row, the newest of `view`, is new; then what its query gave, span after span in slot order.
    // `uniform` is what each row would have had if all had alike, the heads of a layer's group together.
    virtual void begin(const KvView& view, int reader, Traffic& moved) = 0;
    virtual void hear(std::int64_t first, std::span<const float> weights, float uniform, Traffic& moved) = 0;

    // Which n of the rows `candidates` (slots, oldest token first) leave, but for the first `exempt` of them: their
    // places in that list, ascending, are put to `places`. Reads the scores of all of them.
    virtual void lowest(std::span<const std::int32_t> candidates, std::int64_t exempt, std::int64_t n,
                        std::vector<std::int64_t>& places, Traffic& moved) = 0;
    // The rows at `places` in the order of age left, and others moved.
    virtual void evicted(std::span<const std::int64_t> places, std::span<const SlotTable::Move> moves,
                         Traffic& moved) = 0;
    // Room that `live` rows do not need goes back; one block beyond the whole ones stays.
    virtual void shrink(std::int64_t live) = 0;

    virtual std::int64_t bytesPerRow() const = 0;
    virtual std::int64_t reserved() const = 0; // bytes
};

// For plans whose keep hears reads, of rows that `readers` layers read. Room is taken in blocks as the cache does.
std::unique_ptr<RowScores> makeRowScores(const AttentionPlan& plan, int slotsPerBlock, int readers);
// The same by the truths.
std::unique_ptr<RowScores> makeTrueRowScores(const AttentionPlan& plan, int readers);

} // namespace fovea
