#pragma once
// A Hugging Face folder as a GGUF file, as the format's own converters write it. (Python transformers 4.57.6
// reads what is made here of llama, llama_gqa, llama_bias, llama_rope_llama3, qwen2, qwen3, gemma2 and gemma3
// with the folders' logits, given the folders' config.)

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "tests/support/gguf_bytes.h"

namespace fovea::test {

// As the format numbers its types.
enum GgufType : std::uint32_t {
    kF32 = 0,
    kF16 = 1,
    kQ4_0 = 2,
    kQ4_1 = 3,
    kQ5_0 = 6,
    kQ5_1 = 7,
    kQ8_0 = 8,
    kQ2_K = 10,
    kQ3_K = 11,
    kQ4_K = 12,
    kQ5_K = 13,
    kQ6_K = 14,
    kBF16 = 30
};

// The type of a matrix, by its GGUF name and columns; vectors are F32.
using ChooseType = std::function<GgufType(const std::string& name, std::int64_t columns)>;

GgufBytes asGguf(const std::filesystem::path& folder, const ChooseType& choose);

struct RandomGguf {
    int layers = 2, width = 256, queryHeads = 4, kvHeads = 2, ffn = 512, vocabulary = 48, context = 64;
    bool tied = false;
};

// A Llama that says nothing, its shape fit for every block type.
GgufBytes randomGguf(const RandomGguf& shape, const ChooseType& choose);

// Weights as the bytes of a type.
std::string encodedAs(GgufType type, const std::vector<float>& weights);

} // namespace fovea::test
