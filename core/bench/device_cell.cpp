#include "core/bench/device_cell.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "core/bench/device_attention.h"
#include "core/bench/device_products.h"
#include "core/bench/torch_attention.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

std::string doesNotFit(std::int64_t needed, std::int64_t room) {
    return "needs " + byteText(needed) + ", and the card has " + byteText(room);
}

// Rows of one store, which all plans of that store read.
struct HeldRows {
    Store store;
    RowForm form;
    bool columns;
};

// The plans of a cell that fit the card together, and what they need.
class Fitting {
public:
    explicit Fitting(const DeviceShape& shape) : m_shape(shape) {}

    // With this plan too; on one layer.
    std::int64_t bytesWith(const AttentionPlan& plan) const {
        Fitting more = *this;
        more.take(plan);
        return more.bytes();
    }
    void take(const AttentionPlan& plan) {
        const auto at = std::find_if(m_held.begin(), m_held.end(),
                                     [&](const HeldRows& held) { return held.store == plan.store; });
        if (at == m_held.end())
            m_held.push_back({plan.store, deviceRowForm(plan, m_shape), readsColumns(plan)});
        else
            at->columns = at->columns || readsColumns(plan);
        m_scratch = std::max(m_scratch, DeviceAttention::scratchBytes(plan, m_shape));
    }

    const std::vector<HeldRows>& held() const { return m_held; }
    std::int64_t scratch() const { return m_scratch; }
    std::int64_t layerBytes() const {
        std::int64_t bytes = 0;
        for (const HeldRows& held : m_held)
            bytes += DeviceCache::layerBytes(m_shape, held.form, held.columns);
        return bytes;
    }
    std::int64_t bytes() const { return layerBytes() + m_scratch + DeviceQueries::bytes(m_shape); }
    // Enough for the least of the stores to fill the working set, where there is room.
    int layers(std::int64_t workingSet, std::int64_t room) const {
        std::int64_t least = workingSet;
        for (const HeldRows& held : m_held)
            least = std::min(least, DeviceCache::rowBytes(m_shape, held.form));
        const std::int64_t wanted = (workingSet + least - 1) / least;
        const std::int64_t others = bytes() - layerBytes();
        return static_cast<int>(
            std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, (room - others) / layerBytes())));
    }

private:
    DeviceShape m_shape;
    std::vector<HeldRows> m_held;
    std::int64_t m_scratch = 0;
};

// Memory of a cell, and what is queued over it.
class CellWork {
public:
    CellWork(const DeviceShape& shape, const Fitting& fitting, int layers, const DeviceBenchRun& run)
        : m_shape(shape), m_stream(run.stream), m_queries(shape, run.random, run.stream),
          m_scratch(static_cast<std::size_t>(fitting.scratch())) {
        for (const HeldRows& held : fitting.held()) {
            m_stores.push_back(held.store);
            m_caches.push_back(std::make_unique<DeviceCache>(shape, held.form, held.columns, layers,
                                                             run.random, run.stream));
        }
        cuda::wait(run.stream);
    }

    DeviceWork of(const AttentionPlan& plan) {
        m_steps.push_back(std::make_unique<DeviceAttention>(plan, m_shape, cacheOf(plan), m_queries,
                                                            m_scratch.as<std::byte>()));
        return DeviceWork([step = m_steps.back().get(), stream = m_stream] { step->queue(stream); },
                          m_stream);
    }
    DeviceWork ofTorch(const AttentionPlan& plan) {
        const DeviceCache& cache = cacheOf(plan);
        TorchAttention step{.batch = m_shape.batch,
                            .heads = m_shape.heads,
                            .headDim = m_shape.headDim,
                            .context = m_shape.context,
                            .headRows = DeviceCache::blocksPerHead(m_shape, cache.form()) * cache.form().rows,
                            .q = m_queries.halves()};
        return DeviceWork(
            [step, &cache, stream = m_stream]() mutable {
                for (int layer = 0; layer < cache.layers(); ++layer) {
                    step.keys = cache.keyRows(layer);
                    step.values = cache.valueRows(layer);
                    queueTorchAttention(step, stream);
                }
            },
            m_stream);
    }

private:
    const DeviceCache& cacheOf(const AttentionPlan& plan) const {
        const auto at = std::find(m_stores.begin(), m_stores.end(), plan.store);
        return *m_caches[static_cast<std::size_t>(at - m_stores.begin())];
    }

    DeviceShape m_shape;
    cuda::Stream m_stream;
    DeviceQueries m_queries;
    cuda::DeviceBuffer m_scratch;
    std::vector<Store> m_stores;
    std::vector<std::unique_ptr<DeviceCache>> m_caches; // of the stores
    std::vector<std::unique_ptr<DeviceAttention>> m_steps;
};

// Rows that are timed in turn, the limit first.
class Rounds {
public:
    explicit Rounds(const DeviceBenchRun& run) : m_run(run) {
        m_works.emplace_back([&copy = run.copy, stream = run.stream] { copy.queue(stream); }, run.stream);
    }

    // `work` is made here, so that what the kernels or libtorch refuse is the row's own affair.
    template <class Work>
    void add(DeviceRow& row, double parts, const Work& work) {
        try {
            m_works.push_back(work());
            m_rows.push_back({&row, parts});
        } catch (const std::invalid_argument& error) {
            row.whyNot = error.what();
        }
    }
    // The limit, in 10^9 bytes per second; 0 where there was no row.
    double finish() {
        if (m_rows.empty())
            return 0;
        sampleInTurn(m_works, m_run.options.repeats);
        for (std::size_t i = 0; i < m_rows.size(); ++i)
            m_rows[i].row->time = m_works[i + 1].time(m_rows[i].parts);
        return static_cast<double>(m_run.copy.bytes()) / m_works.front().time().median / 1e9;
    }

private:
    struct Timed {
        DeviceRow* row;
        double parts;
    };
    const DeviceBenchRun& m_run;
    std::vector<DeviceWork> m_works;
    std::vector<Timed> m_rows;
};

std::string whyNoTorch(const DeviceQuestion& question) {
    if (question.shape.heads != question.shape.kvHeads ||
        deviceRowForm(question.plans.front(), question.shape).codes ||
        deviceRowForm(question.plans.front(), question.shape).type != ElementType::F16)
        return "libtorch is given rows in f16 and a KV head for each query head";
    return whyNoTorchAttention();
}

void timeCell(DeviceCell& cell, const Fitting& fitting, const DeviceBenchRun& run) {
    const DeviceQuestion& question = cell.question;
    CellWork memory(question.shape, fitting, cell.layers, run);
    Rounds rounds(run);
    for (std::size_t i = 0; i < cell.rows.size(); ++i)
        if (cell.rows[i].whyNot.empty())
            rounds.add(cell.rows[i], cell.layers, [&] { return memory.of(question.plans[i]); });
    if (cell.torch && cell.torch->whyNot.empty())
        rounds.add(*cell.torch, cell.layers, [&] {
            try {
                return memory.ofTorch(question.plans.front());
            } catch (const std::runtime_error& error) {
                throw std::invalid_argument(error.what()); // libtorch's own refusal is its row's affair
            }
        });
    cell.copyGbps = rounds.finish();
}

// Rows that another program's memory left no room for.
void refuseRest(std::vector<DeviceRow>& rows, const std::string& why) {
    for (DeviceRow& row : rows)
        if (!row.time && row.whyNot.empty())
            row.whyNot = why;
}

} // namespace

DeviceCell runCell(const DeviceQuestion& question, const DeviceBenchRun& run) {
    DeviceCell cell{question, 0, 0, {}, {}};
    Fitting fitting(question.shape);
    for (const AttentionPlan& plan : question.plans) {
        DeviceRow row{deviceStepBytes(plan, question.shape), Fitting(question.shape).bytesWith(plan), {}, {}};
        if (const std::int64_t needed = fitting.bytesWith(plan); needed > run.room)
            row.whyNot = doesNotFit(needed, run.room);
        else
            fitting.take(plan);
        cell.rows.push_back(std::move(row));
    }
    if (question.torch) {
        cell.torch = DeviceRow{
            cell.rows.front().formulaBytes, cell.rows.front().neededBytes, {}, whyNoTorch(question)};
        if (cell.torch->whyNot.empty())
            cell.torch->whyNot = cell.rows.front().whyNot;
    }
    if (fitting.held().empty())
        return cell;
    cell.layers = fitting.layers(run.options.workingSet, run.room);
    try {
        timeCell(cell, fitting, run);
    } catch (const cuda::OutOfMemory& error) {
        refuseRest(cell.rows, error.what());
        if (cell.torch && !cell.torch->time && cell.torch->whyNot.empty())
            cell.torch->whyNot = error.what();
    }
    return cell;
}

DeviceProductCell runProducts(const DeviceProductQuestion& question, const DeviceBenchRun& run) {
    DeviceProductCell cell{question, 0, {}};
    const auto bytes = [&](const MatrixForm& form, int copies) {
        return DeviceProducts::bytes(form, question.rows, question.columns, question.vectors, copies);
    };
    const std::int64_t each = run.room / static_cast<std::int64_t>(question.forms.size());
    std::vector<std::unique_ptr<DeviceProducts>> products;
    Rounds rounds(run);
    cell.rows.resize(question.forms.size());
    for (std::size_t i = 0; i < question.forms.size(); ++i) {
        const MatrixForm& form = question.forms[i];
        DeviceRow& row = cell.rows[i];
        row.formulaBytes = matrixFormBytes(form, question.rows, question.columns);
        row.neededBytes = bytes(form, 1);
        if (row.neededBytes > each) {
            row.whyNot = doesNotFit(row.neededBytes, each);
            continue;
        }
        const std::int64_t wanted = (run.options.workingSet + row.formulaBytes - 1) / row.formulaBytes;
        const int copies = static_cast<int>(std::clamp<std::int64_t>(wanted, 1, each / row.neededBytes));
        try {
            products.push_back(std::make_unique<DeviceProducts>(
                form, question.rows, question.columns, question.vectors, copies, run.random, run.stream));
            rounds.add(row, copies, [&] {
                return DeviceWork(
                    [work = products.back().get(), stream = run.stream] { work->queue(stream); }, run.stream);
            });
        } catch (const cuda::OutOfMemory& error) {
            row.whyNot = error.what();
        }
    }
    cell.copyGbps = rounds.finish();
    return cell;
}

} // namespace fovea
