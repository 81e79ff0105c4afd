#pragma once
// The matrices of a folder that holds them as GPTQ's words: those that are there so are expected and become packed rows.

#include <functional>
#include <optional>
#include <string>

#include "core/model/huggingface/expected_tensors.h"
#include "core/model/huggingface/gptq_format.h"
#include "core/model/weight.h"

namespace fovea {

class GptqTensors {
public:
    // Both outlive the reading. Without `unpack` weights come with their shape alone, and their values are anything.
    GptqTensors(ExpectedTensors& tensors, const std::optional<GptqFormat>& format, bool unpack)
        : m_tensors(tensors), m_format(format), m_unpack(unpack) {}

    // Is the matrix there as words? Folders may hold some of them as floats.
    bool has(const std::string& name) const;
    // Expects the four tensors of a matrix (out, in). Where the model has no bias there may be one of nothing but 0, which
    // some programs write. Throws CheckpointError, as does reading.
    void expect(const std::string& name, std::int64_t out, std::int64_t in, bool bias,
                std::function<void(const Weight&)> take) const;

private:
    ExpectedTensors& m_tensors;
    const std::optional<GptqFormat>& m_format;
    bool m_unpack;
};

} // namespace fovea
