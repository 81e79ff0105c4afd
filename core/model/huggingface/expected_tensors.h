#pragma once
// The tensors that a model must have: all of them are held against the files before the first is taken, and
// the files against them.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/huggingface/shards.h"
#include "core/model/weight.h"

namespace fovea {

class ExpectedTensors {
public:
    using Take = std::function<void(const at::Tensor&)>;

    // `embedding` tells how the folder's names begin: a checkpoint of the model without its head lacks the
    // first word of every name ("model.").
    ExpectedTensors(const std::filesystem::path& folder, std::string_view embedding);

    // Throw CheckpointError when there is no such tensor, or one of another shape or type. `take` gets it
    // from read().
    void expect(const std::string& name, std::vector<std::int64_t> shape, Take take);
    // The same, but a tensor in memory of its own: for what is not used as it lies in the file.
    void expectCopied(const std::string& name, std::vector<std::int64_t> shape, Take take);
    // The same of I32.
    void expectIntegers(const std::string& name, std::vector<std::int64_t> shape, Take take);
    void matrix(Weight& to, const std::string& name, std::int64_t rows, std::int64_t columns); // NAME.weight
    void vector(at::Tensor& to, const std::string& name, std::int64_t n);
    bool has(const std::string& name) const { return m_tensors.fileOf(inFile(name)) != nullptr; }
    // Where the files are, for errors about more than one tensor.
    const std::filesystem::path& path() const { return m_tensors.path(); }
    // May be there, and is not used.
    void ignore(const std::string& name) { m_known.insert(m_tensors.fileOf(name) ? name : inFile(name)); }

    // Refuses tensors that nobody expected, which would change what the model computes, and takes all others.
    void read();

private:
    enum class As : std::uint8_t { Mapped, Copied, Integers };
    struct Wanted {
        const SafetensorsFile* file;
        std::string name;
        As as;
        Take take;
        at::Tensor tensor() const;
    };

    void want(const std::string& name, std::vector<std::int64_t> shape, As as, Take take);
    std::string inFile(const std::string& name) const;
    void refuseUnknown() const;

    FolderTensors m_tensors;
    std::string m_missingPrefix; // "model." where the names of the files lack it
    std::vector<Wanted> m_wanted;
    std::set<std::string> m_known;
};

} // namespace fovea
