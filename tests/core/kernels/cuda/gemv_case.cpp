#include "tests/core/kernels/cuda/gemv_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/kernels/cuda/rtn_packed_rows.h"
#include "core/methods/quantise/rtn_pack.h"
#include "core/model/gguf_blocks.h"
#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {
namespace {

constexpr std::size_t kBehind = 64; // bytes

RtnParams rtnOf(const PackedAs& packed) {
    RtnParams rtn;
    rtn.bits = packed.bits;
    rtn.group = packed.group;
    rtn.mode =
        packed.zeros == PackedRows::Zeros::Middle ? RtnParams::Mode::Symmetric : RtnParams::Mode::Asymmetric;
    rtn.zero = packed.zeros == PackedRows::Zeros::Wide ? RtnParams::Zero::Free : RtnParams::Zero::Clamped;
    return rtn;
}

// A matrix as it is held, and the numbers that it holds.
struct HeldMatrix {
    std::vector<unsigned char> bytes;
    std::vector<float> values; // (rows, in)
};

HeldMatrix hold(const GemvCase& problem, std::size_t matrix) {
    const std::int64_t rows = problem.rows[matrix], in = problem.in;
    HeldMatrix held;
    held.values = madeUp(static_cast<std::size_t>(rows * in), static_cast<unsigned>(20 + matrix));
    if (problem.blocks != BlockType::None) {
        for (std::size_t i = 0; i < held.values.size(); ++i) // groups off 0, so that minima differ
            held.values[i] += 0.3f * static_cast<float>(i / 16 % 5);
        held.bytes.resize(static_cast<std::size_t>(rows * blockRowBytes(problem.blocks, in)));
        encodeBlocks(problem.blocks, held.values.data(), held.bytes.data(), rows * in);
        decodeBlocks(problem.blocks, held.bytes.data(), held.values.data(), rows * in);
        return held;
    }
    if (problem.packed.bits == 0) {
        held.bytes = stored(problem.type, held.values);
        held.values = rounded(problem.type, held.values);
        return held;
    }
    const RtnParams rtn = rtnOf(problem.packed);
    const std::int64_t rowBytes = rtnRow(rtn, in).bytes;
    held.bytes.resize(static_cast<std::size_t>(rows * rowBytes));
    for (std::int64_t row = 0; row < rows; ++row) {
        float* const values = held.values.data() + row * in;
        for (std::int64_t i = 0; i < in; ++i) // groups off 0, so that zeros differ
            values[i] +=
                0.3f * static_cast<float>(i / problem.packed.group % 3) + 0.1f * static_cast<float>(row % 4);
        std::uint8_t* const bytes = held.bytes.data() + row * rowBytes;
        if (packRtn(rtn, values, in, bytes) != RtnFault::None)
            throw std::logic_error("made-up weights do not pack");
        unpackRtn(rtn, bytes, values, in);
    }
    return held;
}

void multiply(const GemvCase& problem, const Gemv& step, Stream stream) {
    const bool few = problem.by == MultipliedBy::Gemv;
    if (problem.blocks != BlockType::None)
        return few ? gemv(problem.blocks, step, stream) : gemm(problem.blocks, step, stream);
    if (problem.packed.bits != 0) {
        const PackedRows rows = packedRowsOf(rtnOf(problem.packed), problem.in);
        return few ? gemv(rows, step, stream) : gemm(rows, step, stream);
    }
    if (few)
        return gemv(problem.type, step, stream);
    gemm(problem.type, step, stream,
         problem.by == MultipliedBy::Gemm ? GemmUnits::Matrix : GemmUnits::Ordinary);
}

machine::Buffer uploadBefore(std::vector<unsigned char> bytes) {
    bytes.resize(bytes.size() + kBehind, 0xFF);
    return machine::upload(bytes);
}

} // namespace

std::vector<float> GemvCase::inputs() const {
    return x.empty() ? madeUp(static_cast<std::size_t>(vectors * in), 11) : x;
}

std::vector<float> GemvCase::run(Stream stream) const {
    std::vector<machine::Buffer> weights;
    std::vector<Guarded<float>> results;
    const machine::Buffer from = uploadBefore(stored(ElementType::F32, inputs()));
    Gemv step;
    step.count = static_cast<int>(rows.size());
    step.x = static_cast<const float*>(from.data());
    step.in = in;
    step.vectors = vectors;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        weights.push_back(uploadBefore(hold(*this, i).bytes));
        results.push_back(Guarded<float>(static_cast<std::size_t>(rows[i] * vectors)));
        step.products[i] = {weights[i].data(), rows[i], results[i].data()};
    }
    if (acts.bits == 0) {
        multiply(*this, step, stream);
    } else {
        const PackedRows form = packed.bits != 0 ? packedRowsOf(rtnOf(packed), in) : PackedRows{};
        const bool whole = packed.bits != 0 && takesWholeVectors(form, in);
        const RoundedActs rounded(acts, inputs(), in, whole ? packed.bits : 0, stream);
        step.x = rounded.rounded.data();
        if (!whole)
            multiply(*this, step, stream);
        else if (by == MultipliedBy::Gemv)
            gemv(form, rounded.whole(), step, stream);
        else
            gemm(form, rounded.whole(), step, stream);
        machine::finish();
    }
    machine::finish();
    std::vector<float> y;
    for (const Guarded<float>& result : results) {
        const std::vector<float> mine = result.read("y");
        y.insert(y.end(), mine.begin(), mine.end());
    }
    return y;
}

double GemvCase::worstError(const std::vector<float>& y) const {
    std::vector<float> from = inputs();
    for (std::int64_t v = 0; acts.bits != 0 && v < vectors; ++v) {
        const RoundedVector rounded = roundedByFormula(acts, from.data() + v * in, in);
        for (std::int64_t i = 0; i < in; ++i)
            from[static_cast<std::size_t>(v * in + i)] = rounded.value(static_cast<std::size_t>(i));
    }
    double worst = 0;
    std::size_t next = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::vector<float> w = hold(*this, i).values;
        for (std::int64_t v = 0; v < vectors; ++v)
            for (std::int64_t row = 0; row < rows[i]; ++row) {
                double sum = 0, size = 0;
                for (std::int64_t c = 0; c < in; ++c) {
                    const double term = double{w[static_cast<std::size_t>(row * in + c)]} *
                                        from[static_cast<std::size_t>(v * in + c)];
                    sum += term, size += std::abs(term);
                }
                const double error = std::abs(y.at(next++) - sum) / size;
                worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
            }
    }
    return next == y.size() ? worst : std::numeric_limits<double>::infinity();
}

std::int64_t GemvCase::weightBytes() const {
    std::int64_t bytes = 0;
    for (const std::int64_t count : rows)
        bytes += blocks != BlockType::None ? count * blockRowBytes(blocks, in)
                 : packed.bits == 0        ? count * in * elementBytes(type)
                                           : predictRtnBytes(rtnOf(packed), count, in);
    return bytes;
}

std::string GemvCase::text() const {
    std::string text(blocks != BlockType::None ? blockShape(blocks).name : elementName(type));
    if (packed.bits != 0)
        text = std::to_string(packed.bits) + " bits in groups of " + std::to_string(packed.group) +
               ", zeros " + std::to_string(static_cast<int>(packed.zeros));
    for (const std::int64_t count : rows)
        text.append(" ").append(std::to_string(count));
    if (acts.bits != 0)
        text.append(" acts ").append(std::to_string(acts.bits)).append(acts.symmetric ? " sym" : "");
    const char* const units[] = {"few", "many, matrix units", "many"};
    return text + " x " + std::to_string(in) + ", vectors " + std::to_string(vectors) + " (" +
           units[static_cast<int>(by)] + ")";
}

} // namespace fovea::cuda
