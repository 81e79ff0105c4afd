#include "core/model/huggingface/gptq_words.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <stdexcept>

namespace fovea {

namespace {

constexpr int kWordBits = 32;

// A string of codes in words that lie `stride` apart.
struct Codes {
    int bits;
    std::int64_t stride;

    std::uint8_t at(const std::int32_t* words, std::int64_t i) const {
        const std::int64_t bit = i * bits, word = bit / kWordBits;
        const int shift = static_cast<int>(bit % kWordBits);
        std::uint64_t two = static_cast<std::uint32_t>(words[word * stride]);
        if (shift + bits > kWordBits)
            two |= std::uint64_t{static_cast<std::uint32_t>(words[(word + 1) * stride])} << kWordBits;
        return static_cast<std::uint8_t>(two >> shift & ((1u << bits) - 1));
    }
    // Into words that are 0.
    void put(std::int32_t* words, std::int64_t i, std::uint8_t code) const {
        const std::int64_t bit = i * bits, word = bit / kWordBits;
        const int shift = static_cast<int>(bit % kWordBits);
        const std::uint64_t two = std::uint64_t{code} << shift;
        add(words[word * stride], static_cast<std::uint32_t>(two));
        if (shift + bits > kWordBits)
            add(words[(word + 1) * stride], static_cast<std::uint32_t>(two >> kWordBits));
    }

private:
    static void add(std::int32_t& word, std::uint32_t bits) {
        word = static_cast<std::int32_t>(static_cast<std::uint32_t>(word) | bits);
    }
};

// The group of each input, in the matrix's own order.
at::Tensor ownOrder(std::int64_t columns, int group) {
    return at::arange(columns, at::kLong).div(group, "floor").to(at::kInt);
}

void check(const GptqWords& words, const RtnParams& rtn, std::int64_t columns) {
    if (words.groups.defined() && !words.groups.equal(ownOrder(columns, rtn.group)))
        throw std::invalid_argument(
            "g_idx has the inputs in another order than the matrix's own (act-order), which is not supported");
    if (!at::isfinite(words.scales).all().item<bool>())
        throw std::invalid_argument("scales that are no finite numbers; copy the model's files again");
}

// zeros (rows, groups) as they are held
at::Tensor heldZeros(const at::Tensor& words, int bits, std::int64_t rows) {
    const std::int64_t groups = words.size(0), width = words.size(1);
    const at::Tensor zeros = at::empty({rows, groups}, at::kByte);
    const Codes codes{bits, 1};
    for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t row = 0; row < rows; ++row)
            zeros.data_ptr<std::uint8_t>()[row * groups + g] =
                codes.at(words.data_ptr<std::int32_t>() + g * width, row);
    return zeros;
}

} // namespace

bool gptqHolds(int bits, std::int64_t rows, std::int64_t columns) {
    return rows * bits % kWordBits == 0 && columns * bits % kWordBits == 0;
}

bool hasZeroOfNone(const CodedRows& rows) {
    return (rows.zeros == 0).any().item<bool>();
}

GptqWords gptqWords(const CodedRows& rows, bool lessOne) {
    const std::int64_t out = rows.codes.size(0), in = rows.codes.size(1), groups = rows.zeros.size(1);
    const int bits = rows.rtn.bits;
    const at::Tensor codes = rows.codes.contiguous(), zeros = rows.zeros.contiguous();
    GptqWords words{at::zeros({in * bits / kWordBits, out}, at::kInt),
                    at::zeros({groups, out * bits / kWordBits}, at::kInt),
                    rows.scales.to(at::kHalf).t().contiguous(), ownOrder(in, rows.rtn.group)};
    const Codes down{bits, out}, along{bits, 1};
    at::parallel_for(0, out, 16, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
            for (std::int64_t i = 0; i < in; ++i)
                down.put(words.weights.data_ptr<std::int32_t>() + row, i,
                         codes.data_ptr<std::uint8_t>()[row * in + i]);
    });
    for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t row = 0; row < out; ++row)
            along.put(words.zeros.data_ptr<std::int32_t>() + g * words.zeros.size(1), row,
                      static_cast<std::uint8_t>(zeros.data_ptr<std::uint8_t>()[row * groups + g] - lessOne));
    return words;
}

CodedRows codedRows(const GptqWords& given, const RtnParams& rtn, std::int64_t columns, bool lessOne) {
    check(given, rtn, columns);
    const at::Tensor weights = given.weights.contiguous();
    const std::int64_t out = weights.size(1);
    CodedRows rows{rtn, at::empty({out, columns}, at::kByte), given.scales.t().contiguous(),
                   heldZeros(given.zeros.contiguous(), rtn.bits, out)};
    if (lessOne) {
        if ((rows.zeros == rtn.levels()).any().item<bool>())
            throw std::invalid_argument("qzeros has a zero that version 1 of the format cannot tell from " +
                                        std::to_string(rtn.levels() + 1) +
                                        "; a folder of checkpoint_format \"gptq_v2\" can be read");
        rows.zeros.add_(1);
    }
    const Codes down{rtn.bits, out};
    at::parallel_for(0, out, 16, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
            for (std::int64_t i = 0; i < columns; ++i)
                rows.codes.data_ptr<std::uint8_t>()[row * columns + i] =
                    down.at(weights.data_ptr<std::int32_t>() + row, i);
    });
    return rows;
}

} // namespace fovea
