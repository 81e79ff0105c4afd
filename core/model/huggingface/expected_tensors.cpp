#include "core/model/huggingface/expected_tensors.h"

#include <algorithm>
#include <array>

#include "core/model/checkpoint_error.h"
#include "core/model/quoted_name.h"

namespace fovea {

namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw CheckpointError(file.string() + ": " + what);
}

std::string text(const std::vector<std::int64_t>& shape) {
    std::string out;
    for (const auto n : shape)
        out.append(out.empty() ? "" : "x").append(std::to_string(n));
    return out.empty() ? "a single number" : out;
}

// Buffers of older checkpoints that follow from the config: frequencies and masks.
bool isBuffer(const std::string& name) {
    constexpr std::array kEnds = {".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias",
                                  ".attn.bias", ".attn.masked_bias"};
    return std::any_of(kEnds.begin(), kEnds.end(), [&](const char* end) { return name.ends_with(end); });
}

} // namespace

ExpectedTensors::ExpectedTensors(const std::filesystem::path& folder, std::string_view embedding)
    : m_tensors(folder) {
    const std::string whole = std::string(embedding) + ".weight";
    const std::string first = whole.substr(0, whole.find('.') + 1);
    if (m_tensors.fileOf(whole) == nullptr && m_tensors.fileOf(whole.substr(first.size())) != nullptr)
        m_missingPrefix = first;
}

std::string ExpectedTensors::inFile(const std::string& name) const {
    return !m_missingPrefix.empty() && name.starts_with(m_missingPrefix) ? name.substr(m_missingPrefix.size())
                                                                         : name;
}

void ExpectedTensors::want(const std::string& wanted, std::vector<std::int64_t> shape, As as, Take take) {
    const std::string name = inFile(wanted);
    const SafetensorsFile* const file = m_tensors.fileOf(name);
    if (file == nullptr)
        refuse(m_tensors.path(), "tensor '" + name +
                                     "' is missing; this is not a whole checkpoint of the model that "
                                     "config.json describes");
    const SafetensorsFile::Entry& entry = file->entries().at(name);
    if (entry.shape != shape)
        refuse(file->path(), "tensor '" + name + "' is " + text(entry.shape) + " where config.json says " +
                                 text(shape) + "; the two files do not belong together");
    const bool integers = as == As::Integers;
    if (integers ? entry.typeName != "I32" : entry.type == c10::ScalarType::Undefined)
        refuse(file->path(), "tensor '" + name + "' is of type " + quotedName(entry.typeName) + "; " +
                                 (integers ? "I32 is supported" : "F32, F16 and BF16 are supported"));
    m_wanted.push_back({file, name, as, std::move(take)});
    m_known.insert(name);
}

void ExpectedTensors::expect(const std::string& name, std::vector<std::int64_t> shape, Take take) {
    want(name, std::move(shape), As::Mapped, std::move(take));
}

void ExpectedTensors::expectCopied(const std::string& name, std::vector<std::int64_t> shape, Take take) {
    want(name, std::move(shape), As::Copied, std::move(take));
}

void ExpectedTensors::expectIntegers(const std::string& name, std::vector<std::int64_t> shape, Take take) {
    want(name, std::move(shape), As::Integers, std::move(take));
}

void ExpectedTensors::matrix(Weight& to, const std::string& name, std::int64_t rows, std::int64_t columns) {
    expect(name + ".weight", {rows, columns}, [&to](const at::Tensor& tensor) { to = tensor; });
}

void ExpectedTensors::vector(at::Tensor& to, const std::string& name, std::int64_t n) {
    expect(name, {n}, [&to](const at::Tensor& tensor) { to = tensor; });
}

void ExpectedTensors::refuseUnknown() const {
    for (const auto& [name, file] : m_tensors.files())
        if (!m_known.contains(name) && !isBuffer(name))
            refuse(file->path(),
                   "tensor " + quotedName(name) +
                       " is not part of the model that config.json describes; it is not supported");
}

at::Tensor ExpectedTensors::Wanted::tensor() const {
    switch (as) {
    case As::Copied:
        return file->read(name);
    case As::Integers:
        return file->mapIntegers(name);
    case As::Mapped:
        break;
    }
    return file->map(name);
}

void ExpectedTensors::read() {
    refuseUnknown();
    for (const Wanted& one : m_wanted)
        one.take(one.tensor());
}

} // namespace fovea
