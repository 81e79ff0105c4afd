#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "core/model/checked_file.h"
#include "core/model/safetensors.h"

namespace fovea {

namespace {

const char* typeName(const at::Tensor& tensor) {
    switch (tensor.scalar_type()) {
    case at::kFloat:
        return "F32";
    case at::kHalf:
        return "F16";
    case at::kBFloat16:
        return "BF16";
    case at::kInt:
        return "I32";
    default:
        throw std::runtime_error("safetensors: only F32, F16, BF16 and I32 tensors are written");
    }
}

std::string lengthBytes(std::uint64_t length) {
    std::string bytes;
    for (int shift = 0; shift < 64; shift += 8)
        bytes.push_back(static_cast<char>((length >> shift) & 0xff));
    return bytes;
}

} // namespace

void writeSafetensors(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header;
    header["__metadata__"] = {{"format", "pt"}};
    for (const auto& [name, text] : metadata)
        header["__metadata__"][name] = text;
    std::vector<at::Tensor> held;
    std::uint64_t offset = 0;
    for (const auto& [name, tensor] : tensors) {
        held.push_back(tensor.detach().cpu().contiguous());
        const std::uint64_t end = offset + held.back().nbytes();
        header[name] = {
            {"dtype", typeName(tensor)}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
        offset = end;
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' '); // so that the tensors start aligned
    const std::string length = lengthBytes(text.size());
    std::vector<std::string_view> parts = {length, text};
    for (const at::Tensor& tensor : held)
        parts.emplace_back(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
    writeFileAtomically(file, parts);
}

} // namespace fovea
