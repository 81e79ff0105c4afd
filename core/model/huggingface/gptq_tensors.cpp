#include "core/model/huggingface/gptq_tensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <memory>
#include <stdexcept>

#include "core/model/checkpoint_error.h"
#include "core/model/huggingface/gptq_words.h"

namespace fovea {

namespace {

constexpr int kWordBits = 32;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& name, const std::string& what) {
    throw CheckpointError(file.string() + ": matrix '" + name + "': " + what);
}

Weight unpacked(const std::filesystem::path& file, const std::string& name, const GptqWords& words,
                const RtnParams& rtn, std::int64_t in, bool lessOne) {
    try {
        return packRows(codedRows(words, rtn, in, lessOne));
    } catch (const std::invalid_argument& error) {
        refuse(file, name, error.what());
    }
}

} // namespace

bool GptqTensors::has(const std::string& name) const {
    return m_format && m_tensors.has(name + ".qweight");
}

void GptqTensors::expect(const std::string& name, std::int64_t out, std::int64_t in, bool bias,
                         std::function<void(const Weight&)> take) const {
    const GptqFormat& format = *m_format;
    const std::filesystem::path file = m_tensors.path();
    if (!gptqHolds(format.bits, out, in))
        refuse(file, name, "its shape fills no whole words; the files do not belong together");
    const RtnParams rtn = format.rows(in);
    const RtnRow row = rtnRow(rtn, in);
    const auto words = std::make_shared<GptqWords>();
    const auto put = [words](at::Tensor GptqWords::*part) {
        return [words, part](const at::Tensor& tensor) { (*words).*part = tensor; };
    };
    m_tensors.expectIntegers(name + ".qweight", {in * format.bits / kWordBits, out}, put(&GptqWords::weights));
    m_tensors.expectIntegers(name + ".qzeros", {row.groups, out * format.bits / kWordBits},
                             put(&GptqWords::zeros));
    if (m_tensors.has(name + ".g_idx"))
        m_tensors.expectIntegers(name + ".g_idx", {in}, put(&GptqWords::groups));
    if (!bias && m_tensors.has(name + ".bias"))
        m_tensors.expect(name + ".bias", {out}, [file, name](const at::Tensor& values) {
            if ((values != 0).any().item<bool>())
                refuse(file, name, "it has a bias where config.json has none; they do not belong together");
        });
    // Last: what is taken is taken in this order.
    m_tensors.expect(name + ".scales", {row.groups, out},
                     [=, unpack = m_unpack, lessOne = format.zerosLessOne](const at::Tensor& scales) {
                         if (scales.scalar_type() != at::kHalf)
                             refuse(file, name, "its scales are not of F16, the one type that is supported");
                         words->scales = scales;
                         take(unpack ? unpacked(file, name, *words, rtn, in, lessOne)
                                     : Weight(at::empty({out, row.bytes}, at::kByte), rtn, in));
                         *words = {};
                     });
}

} // namespace fovea
