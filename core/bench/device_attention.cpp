#include "core/bench/device_attention.h"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "core/cache/slots_per_block.h"
#include "core/methods/predict.h"
#include "core/methods/store/store.h"

namespace fovea {

namespace {

constexpr ElementType kOwnType = ElementType::F16;
constexpr std::int64_t kLogitsApart = 4; // rows of logits begin at 16 bytes

// Cuts memory into pieces; without any, says how much they take.
class Pieces {
public:
    explicit Pieces(std::byte* at) : m_first(at) {}
    template <class T>
    T* take(std::int64_t count) {
        constexpr std::int64_t kApart = 256;
        T* const piece = m_first ? reinterpret_cast<T*>(m_first + m_taken) : nullptr;
        m_taken += (count * static_cast<std::int64_t>(sizeof(T)) + kApart - 1) / kApart * kApart;
        return piece;
    }
    std::int64_t taken() const { return m_taken; }

private:
    std::byte* m_first;
    std::int64_t m_taken = 0;
};

float scaleOf(const DeviceShape& shape) {
    return 1 / std::sqrt(static_cast<float>(shape.headDim));
}

cuda::AttendAll stepOf(const AttentionPlan& plan, const DeviceShape& shape) {
    const RowForm form = deviceRowForm(plan, shape);
    cuda::AttendAll step;
    step.type = form.type;
    if (form.codes)
        step.codes = {form.codes->bits, form.codes->group, form.zeroBytes()};
    step.heads = static_cast<int>(shape.allHeads());
    step.kvHeads = static_cast<int>(shape.allKvHeads());
    step.headDim = shape.headDim;
    step.slotsPerBlock = form.rows;
    step.scale = scaleOf(shape);
    step.blocksPerHead = DeviceCache::blocksPerHead(shape, form);
    return step;
}

// What SparQ needs before it has any memory.
cuda::SparqChoice choiceOf(const SparqParams& sparq, const cuda::AttendAll& step, const DeviceShape& shape) {
    cuda::SparqChoice choice;
    choice.step = {.type = step.type,
                   .heads = step.heads,
                   .kvHeads = step.kvHeads,
                   .headDim = step.headDim,
                   .slotsPerBlock = step.slotsPerBlock,
                   .scale = step.scale,
                   .q = nullptr,
                   .blocksPerHead = step.blocksPerHead,
                   .longest = shape.context};
    choice.components = sparq.components;
    choice.tokens = sparq.tokens;
    choice.local = sparq.localTokens();
    choice.alpha = sparq.alpha;
    choice.tau = sparq.tau;
    choice.sumLogits = sparq.select == SparqParams::Select::Logits;
    choice.approximate.stride = (shape.context + kLogitsApart - 1) / kLogitsApart * kLogitsApart;
    choice.chosen.most = std::min<std::int64_t>(sparq.tokens, shape.context);
    return choice;
}

void giveMemory(cuda::SparqChoice& choice, Pieces& pieces) {
    const std::int64_t H = choice.step.heads, G = choice.step.kvHeads;
    choice.chosenComponents = pieces.take<std::int32_t>(G * choice.components);
    choice.taus = pieces.take<float>(H);
    choice.approximate.logits = pieces.take<float>(H * choice.approximate.stride);
    choice.approximate.tops = pieces.take<float>(H);
    choice.approximate.sums = pieces.take<float>(H);
    choice.chosen.slots = pieces.take<std::int32_t>(G * choice.chosen.most);
    choice.chosen.counts = pieces.take<std::int32_t>(G);
    choice.alphas = pieces.take<float>(H);
    choice.scratch = pieces.take<float>(static_cast<std::int64_t>(cuda::scratchFloats(choice)));
}

void giveSplits(cuda::AttendAll& step, std::int64_t longest, Pieces& pieces) {
    step.splits = cuda::splitsFor(step, longest, cuda::multiprocessors());
    if (step.splits > 1)
        step.partials = pieces.take<float>(static_cast<std::int64_t>(cuda::partialFloats(step)));
}

} // namespace

// --- What a plan comes to ----------------------------------------------------------------------------------

std::string deviceRefusal(const AttentionPlan& plan) {
    AttentionPlan timed;
    timed.store = plan.store;
    timed.read = plan.read;
    const bool known =
        std::holds_alternative<ReadAll>(plan.read) || std::holds_alternative<SparqParams>(plan.read);
    if (timed == plan && known && !mixedStore(plan.store, kMostRowCodes))
        return "";
    return toText(plan) +
           " is not timed on the GPU by this bench: it takes store=f32|f16|bf16|rtn with read=sparq or "
           "none";
}

RowForm deviceRowForm(const AttentionPlan& plan, const DeviceShape& shape) {
    return {.type = storedFloats(plan.store, kOwnType),
            .dims = shape.headDim,
            .rows = slotsPerBlockFor(shape.context),
            .codes = storedCodes(plan.store)};
}

bool readsColumns(const AttentionPlan& plan) {
    return std::holds_alternative<SparqParams>(plan.read);
}

std::int64_t deviceStepBytes(const AttentionPlan& plan, const DeviceShape& shape) {
    const StepShape one{.tokens = shape.context,
                        .queryHeads = shape.heads,
                        .kvHeads = shape.kvHeads,
                        .headDim = shape.headDim,
                        .store = kOwnType,
                        .ownsKv = false};
    return predictMoved(plan, one).attention() * shape.batch;
}

// --- Queries -----------------------------------------------------------------------------------------------

DeviceQueries::DeviceQueries(const DeviceShape& shape, RandomMemory& random, cuda::Stream stream)
    : m_q(static_cast<std::size_t>(shape.allHeads() * shape.headDim) * sizeof(float)),
      m_halves(m_q.bytes() / 2), m_slots(static_cast<std::size_t>(shape.allKvHeads()) * sizeof(std::int64_t)),
      m_out(m_q.bytes()) {
    random.fill(m_halves, stream);
    std::vector<float> q(m_q.bytes() / sizeof(float));
    for (std::size_t i = 0; i < q.size(); ++i) // no two components of a head alike in size
        q[i] = std::sin(static_cast<float>(i) * 1.37f);
    const std::vector<std::int64_t> slots(static_cast<std::size_t>(shape.allKvHeads()), shape.context);
    cuda::upload(m_q.data(), q.data(), m_q.bytes(), stream);
    cuda::upload(m_slots.data(), slots.data(), m_slots.bytes(), stream);
    cuda::wait(stream);
}

std::int64_t DeviceQueries::bytes(const DeviceShape& shape) {
    const std::int64_t floats = shape.allHeads() * shape.headDim;
    return floats * (4 + 2 + 4) + shape.allKvHeads() * static_cast<std::int64_t>(sizeof(std::int64_t));
}

// --- The step ----------------------------------------------------------------------------------------------

std::int64_t DeviceAttention::scratchBytes(const AttentionPlan& plan, const DeviceShape& shape) {
    Pieces pieces(nullptr);
    cuda::AttendAll step = stepOf(plan, shape);
    const auto* const sparq = std::get_if<SparqParams>(&plan.read);
    giveSplits(step, sparq ? std::min<std::int64_t>(sparq->tokens, shape.context) : shape.context, pieces);
    if (sparq) {
        cuda::SparqChoice choice = choiceOf(*sparq, step, shape);
        giveMemory(choice, pieces);
    }
    return pieces.taken();
}

DeviceAttention::DeviceAttention(const AttentionPlan& plan, const DeviceShape& shape,
                                 const DeviceCache& cache, const DeviceQueries& queries, std::byte* scratch)
    : m_cache(cache), m_chooses(readsColumns(plan)), m_step(stepOf(plan, shape)) {
    m_step.q = queries.q();
    m_step.slots = queries.slots();
    m_step.out = queries.out();
    Pieces pieces(scratch);
    const auto* const sparq = std::get_if<SparqParams>(&plan.read);
    giveSplits(m_step, sparq ? std::min<std::int64_t>(sparq->tokens, shape.context) : shape.context, pieces);
    if (!sparq)
        return;
    m_choice = choiceOf(*sparq, m_step, shape);
    m_choice.step.q = m_step.q;
    m_choice.step.slots = m_step.slots;
    giveMemory(m_choice, pieces);
    m_mean.alphas = sparq->alpha ? m_choice.alphas : nullptr;
}

void DeviceAttention::queue(cuda::Stream stream) {
    for (int layer = 0; layer < m_cache.layers(); ++layer) {
        m_step.keys = m_cache.keys(layer);
        m_step.values = m_cache.values(layer);
        if (!m_chooses) {
            cuda::attendAll(m_step, stream);
            continue;
        }
        m_choice.keyColumns = m_cache.keyColumns(layer);
        cuda::chooseSparq(m_choice, stream);
        m_mean.sums = m_cache.valueSums(layer);
        const cuda::SlotLists chosen{m_choice.chosen.slots, m_choice.chosen.counts, m_choice.chosen.most};
        cuda::attendList(m_step, chosen, m_mean, stream);
    }
}

} // namespace fovea
