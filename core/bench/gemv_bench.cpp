#include "core/bench/gemv_bench.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

#include "core/bench/read_bandwidth.h"
#include "core/bench/repeated_work.h"
#include "core/kernels/cpu/kernels.h"
#include "core/methods/quantise/rtn_pack.h"
#include "core/plan/attention_plan.h"
#include "core/plan/weights_text.h"

namespace fovea {

namespace {

constexpr std::int64_t kPage = 4096; // what the limit is read in

std::int64_t wholePages(std::int64_t bytes) {
    return (bytes + kPage - 1) / kPage * kPage;
}

std::int64_t copiesOf(const MatrixForm& form, const GemvBenchOptions& o) {
    return std::max<std::int64_t>(1, o.workingSet / matrixFormBytes(form, o.rows, o.columns));
}

// One form's matrices, all alike, one after the other.
class Matrices {
public:
    Matrices(const MatrixForm& form, const GemvBenchOptions& o)
        : m_form(form), m_options(o), m_bytes(matrixFormBytes(form, o.rows, o.columns)),
          m_copies(copiesOf(form, o)), m_memory(alignedMemory(m_copies * m_bytes)) {
        fillFirst();
        for (std::int64_t copy = 1; copy < m_copies; ++copy)
            std::memcpy(m_memory.get() + copy * m_bytes, m_memory.get(), static_cast<std::size_t>(m_bytes));
    }

    void multiplyAll(const float* x, float* y) const {
        const GemvBenchOptions& o = m_options;
        for (std::int64_t copy = 0; copy < m_copies; ++copy) {
            const unsigned char* const w = m_memory.get() + copy * m_bytes;
            if (const auto* rtn = std::get_if<RtnParams>(&m_form))
                cpu::gemv(*rtn, w, x, y, o.rows, o.columns, o.vectors);
            else
                cpu::gemv(std::get<ElementType>(m_form), w, x, y, o.rows, o.columns, o.vectors);
        }
    }
    std::int64_t bytes() const { return m_bytes; }
    std::int64_t copies() const { return m_copies; }

private:
    void fillFirst() {
        std::mt19937 random(1);
        std::normal_distribution<float> normal;
        std::vector<float> row(static_cast<std::size_t>(m_options.columns));
        const std::int64_t rowBytes = m_bytes / m_options.rows;
        for (std::int64_t i = 0; i < m_options.rows; ++i) {
            for (float& v : row)
                v = normal(random);
            unsigned char* const to = m_memory.get() + i * rowBytes;
            if (const auto* rtn = std::get_if<RtnParams>(&m_form))
                packRtn(*rtn, row.data(), m_options.columns, to);
            else
                cpu::convert(std::get<ElementType>(m_form), row.data(), to, m_options.columns);
        }
    }

    MatrixForm m_form;
    const GemvBenchOptions& m_options;
    std::int64_t m_bytes, m_copies;
    AlignedMemory m_memory;
};

void check(const GemvBenchOptions& o) {
    constexpr std::int64_t kMost = 1 << 24;
    if (o.rows < 1 || o.columns < 1 || o.rows > kMost || o.columns > kMost || o.vectors < 1 ||
        o.repeats < 1 || o.threads < 0 || o.workingSet < 1)
        throw std::invalid_argument("rows, columns, vectors, repeats and working set must be at least 1");
    if (o.forms.empty())
        throw std::invalid_argument("there is no form of a matrix to measure");
    requireMachineHolds(gemvBenchMemory(o), "lower the rows, the columns or the number of forms");
}

} // namespace

MatrixForm parseMatrixForm(const std::string& text) {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        if (text == elementName(type))
            return type;
    if (text.empty() || text.find_first_of(" \t\n\r\f\v\"") != text.npos) // would be several words
        throw PlanError("\"" + text.substr(0, text.find_first_of("\n\r")).substr(0, 40) +
                        "\" is no form of a matrix; accepted: f32, f16, bf16, rtn:bits=…");
    const AttentionPlan plan = parsePlan("weights=" + text);
    if (const auto* rtn = std::get_if<RtnParams>(&plan.weights))
        return *rtn;
    throw PlanError("\"" + text.substr(0, text.find_first_of("\n\r")).substr(0, 40) +
                    "\" is no form of a matrix; accepted: f32, f16, bf16, rtn:bits=…");
}

std::string formText(const MatrixForm& form) {
    if (const auto* rtn = std::get_if<RtnParams>(&form))
        return weightsText(*rtn).substr(std::string_view("weights=").size());
    return std::string(elementName(std::get<ElementType>(form)));
}

std::int64_t matrixFormBytes(const MatrixForm& form, std::int64_t rows, std::int64_t columns) {
    if (const auto* rtn = std::get_if<RtnParams>(&form))
        return predictRtnBytes(*rtn, rows, columns);
    return rows * columns * elementBytes(std::get<ElementType>(form));
}

std::int64_t gemvBenchMemory(const GemvBenchOptions& o) {
    std::int64_t bytes = wholePages(o.workingSet);
    for (const MatrixForm& form : o.forms)
        bytes += copiesOf(form, o) * matrixFormBytes(form, o.rows, o.columns);
    return bytes;
}

GemvBench runGemvBench(const GemvBenchOptions& o) {
    check(o);
    const BenchThreads threads(o.threads);
    std::vector<Matrices> matrices;
    matrices.reserve(o.forms.size());
    for (const MatrixForm& form : o.forms)
        matrices.emplace_back(form, o);
    const std::int64_t read = wholePages(o.workingSet);
    const AlignedMemory buffer = alignedMemory(read);
    std::memset(buffer.get(), 1, static_cast<std::size_t>(read));
    const std::vector<float> x(static_cast<std::size_t>(o.vectors * o.columns), .5f);
    std::vector<float> y(static_cast<std::size_t>(o.vectors * o.rows));

    volatile std::uint32_t sum = 0;
    RepeatedWork limit([&] { sum = sumOf(buffer.get(), read); });
    std::vector<RepeatedWork> timed;
    for (const Matrices& form : matrices)
        timed.emplace_back([&form, &x, &y] { form.multiplyAll(x.data(), y.data()); });
    for (int round = 0; round < o.repeats; ++round) {
        limit.sample();
        for (RepeatedWork& form : timed)
            form.sample();
        if (o.progress)
            o.progress(round + 1, o.repeats);
    }
    GemvBench bench{.readGbps = static_cast<double>(read) / limit.quantile(.5) / 1e9,
                    .threads = at::get_num_threads(),
                    .results = {}};
    for (std::size_t i = 0; i < matrices.size(); ++i) {
        const auto copies = static_cast<double>(matrices[i].copies());
        GemvBenchResult result{.form = o.forms[i], .bytes = matrices[i].bytes()};
        result.medianSeconds = timed[i].quantile(.5) / copies;
        result.spread = timed[i].spread() / copies;
        result.fastestSeconds = timed[i].quantile(0) / copies;
        result.gbps = static_cast<double>(result.bytes) / result.medianSeconds / 1e9;
        bench.results.push_back(result);
    }
    return bench;
}

} // namespace fovea
