// GGUF containers that lie. Each is a small valid one, broken in one place, and must be refused in one line
// that says what is wrong. What a whole container may still lie about as a model:
// hostile_gguf_model_test.cpp.

#include <catch2/catch.hpp>
#include <functional>

#include "core/model/checkpoint_error.h"
#include "core/model/gguf.h"
#include "tests/support/gguf_bytes.h"

using namespace fovea;
using namespace fovea::test;

namespace {

using T = GgufValueType;

GgufBytes valid() {
    GgufBytes file;
    file.pair("general.architecture", "llama").pair("llama.block_count", std::uint32_t{2});
    file.tensors.push_back({"a.weight", {64, 2}, 0, std::string(512, '\1'), {}});
    file.tensors.push_back({"b.weight", {256, 2}, 12, std::string(288, '\2'), {}});
    file.tensors.push_back({"c.weight", {5}, 1, std::string(10, '\3'), {}});
    return file;
}

struct Case {
    const char* what;
    const char* expected;
    std::function<void(GgufBytes&)> spoil;
};

std::function<void(GgufBytes&)> typed(std::uint32_t type) {
    return [type](GgufBytes& file) { file.tensors[0].type = type; };
}

const Case kCases[] = {
    {"another magic", "no GGUF file", [](GgufBytes& f) { f.magic = "GGJT"; }},
    {"version 0", "version 0", [](GgufBytes& f) { f.version = 0; }},
    {"version 1", "version 1", [](GgufBytes& f) { f.version = 1; }},
    {"version 4", "version 4", [](GgufBytes& f) { f.version = 4; }},
    {"big-endian", "big-endian", [](GgufBytes& f) { f.version = 0x03000000; }},
    {"more tensors than bytes", "18446744073709551615 tensors", [](GgufBytes& f) { f.tensorCount = ~0ull; }},
    {"more pairs than bytes", "9223372036854775808 metadata keys",
     [](GgufBytes& f) { f.pairCount = 1ull << 63; }},
    {"one tensor too many", "tensor 3 has no name", [](GgufBytes& f) { f.tensorCount = 4; }},
    {"one pair too many", "the name of tensor 0 claims", [](GgufBytes& f) { f.pairCount = 3; }},
    {"a pair too few", "tensor 'llama.block_count'", [](GgufBytes& f) { f.pairCount = 1; }},
    {"an unnamed key", "metadata key 2 has no name", [](GgufBytes& f) { f.pair("", 1.f); }},
    {"a key of 70,000 bytes", "65535 can be", [](GgufBytes& f) { f.pair(std::string(70000, 'k'), 1.f); }},
    {"a key twice", "'llama.block_count' stands twice",
     [](GgufBytes& f) { f.pair("llama.block_count", std::uint32_t{3}); }},
    {"a value of type 13", "unknown type, number 13", [](GgufBytes& f) { f.pair("k", T{13}, ""); }},
    {"a value of a wild type", "unknown type", [](GgufBytes& f) { f.pair("k", T{0xffffffff}, ""); }},
    {"a string past the end", "claims 18446744073709551615 bytes",
     [](GgufBytes& f) { f.pair("k", T::String, rawBytes(~0ull)); }},
    {"a bool of 2", "neither 0 nor 1", [](GgufBytes& f) { f.pair("k", T::Bool, "\2"); }},
    {"an array of bools of 2", "neither 0 nor 1", [](GgufBytes& f) { f.array("k", T::Bool, 2, "\1\2"); }},
    {"an array longer than the file", "claims 4611686018427387905 elements",
     [](GgufBytes& f) { f.array("k", T::Uint32, (1ull << 62) + 1, ""); }},
    {"an array of strings longer than the file", "elements",
     [](GgufBytes& f) { f.array("k", T::String, 1ull << 61, ""); }},
    {"an array whose last string runs out", "'k' claims",
     [](GgufBytes& f) { f.array("k", T::String, 2, ggufText("a") + rawBytes(1ull << 40)); }},
    {"an array of arrays", "array of arrays",
     [](GgufBytes& f) { f.array("k", T::Array, 1, rawBytes(4u) + rawBytes(0ull)); }},
    {"an array of an unknown type", "unknown type", [](GgufBytes& f) { f.array("k", T{99}, 1, "aaaa"); }},
    {"an alignment of 0", "general.alignment", [](GgufBytes& f) { f.pair("general.alignment", 0u); }},
    {"an alignment of 48", "general.alignment", [](GgufBytes& f) { f.pair("general.alignment", 48u); }},
    {"an alignment of 4", "general.alignment", [](GgufBytes& f) { f.pair("general.alignment", 4u); }},
    {"an alignment of 2^31", "general.alignment",
     [](GgufBytes& f) { f.pair("general.alignment", 1u << 31); }},
    {"an alignment in letters", "general.alignment", [](GgufBytes& f) { f.pair("general.alignment", "32"); }},
    {"offsets aligned otherwise than said", "'c.weight' is not aligned to 64",
     [](GgufBytes& f) { f.pair("general.alignment", 64u).tensors[2].data.resize(100); }},
    {"an unnamed tensor", "tensor 0 has no name", [](GgufBytes& f) { f.tensors[0].name = ""; }},
    {"a name of 65 bytes", "64 can be", [](GgufBytes& f) { f.tensors[0].name = std::string(65, 'a'); }},
    {"a tensor twice", "'b.weight' stands twice", [](GgufBytes& f) { f.tensors[0].name = "b.weight"; }},
    {"no dimensions", "0 dimensions", [](GgufBytes& f) { f.tensors[0].shape = {}; }},
    {"five dimensions", "5 dimensions",
     [](GgufBytes& f) {
         f.tensors[0].shape = {2, 2, 2, 2, 2};
     }},
    {"a dimension of 0", "no file could hold",
     [](GgufBytes& f) {
         f.tensors[0].shape = {64, 0};
     }},
    {"a dimension below 0", "no file could hold",
     [](GgufBytes& f) {
         f.tensors[0].shape = {64, ~0ull};
     }},
    {"dimensions whose product wraps to 0", "no file could hold",
     [](GgufBytes& f) {
         f.tensors[0].shape = {1ull << 32, 1ull << 32};
     }},
    {"dimensions whose bytes wrap", "no file could hold",
     [](GgufBytes& f) { f.tensors[0].shape = {1ull << 62}; }},
    {"type IQ4_XS", "IQ4_XS", typed(23)},
    {"type IQ4_NL", "IQ4_NL", typed(20)},
    {"type Q8_K", "Q8_K", typed(15)},
    {"type I32", "I32", typed(26)},
    {"type MXFP4", "MXFP4", typed(39)},
    {"a type that was taken back", "number 4", typed(4)},
    {"a wild type", "number 4294967295", typed(~0u)},
    {"rows that are no multiple of 32", "no multiple of the 32",
     [](GgufBytes& f) {
         f.tensors[0] = {"a", {48, 2}, 8, std::string(102, 0), {}};
     }},
    {"rows that are no multiple of 256", "no multiple of the 256",
     [](GgufBytes& f) {
         f.tensors[1].shape = {128, 4};
     }},
    {"a tensor past the end", "'c.weight' lies outside", [](GgufBytes& f) { f.tensors[2].shape = {6}; }},
    {"an offset past the end", "'c.weight' lies outside",
     [](GgufBytes& f) { f.tensors[2].offset = 1ull << 40; }},
    {"an offset that wraps", "'c.weight' lies outside", [](GgufBytes& f) { f.tensors[2].offset = ~31ull; }},
    {"an offset not aligned", "'c.weight' is not aligned", [](GgufBytes& f) { f.tensors[2].offset = 801; }},
    {"two tensors in one place", "overlap", [](GgufBytes& f) { f.tensors[2].offset = 512; }},
    {"a tensor inside another", "'c.weight' overlap", [](GgufBytes& f) { f.tensors[2].offset = 544; }},
    {"a line break in a name", "'a?b' stands twice",
     [](GgufBytes& f) { f.tensors[0].name = f.tensors[2].name = "a\nb"; }},
};

} // namespace

TEST_CASE("The GGUF file that the broken ones are made from is whole", "[core.gguf]") {
    const std::string text = valid().whole();
    CHECK(GgufFile("valid.gguf", std::as_bytes(std::span<const char>(text))).tensors().size() == 3);
}

TEST_CASE("A GGUF file that lies is refused in one line", "[core.gguf]") {
    for (const Case& broken : kCases) {
        INFO(broken.what);
        GgufBytes file = valid();
        broken.spoil(file);
        const std::string text = file.whole();
        try {
            const GgufFile read("broken.gguf", std::as_bytes(std::span<const char>(text)));
            FAIL_CHECK("accepted");
        } catch (const CheckpointError& error) {
            const std::string line = error.what();
            INFO(line);
            CHECK(line.find('\n') == std::string::npos);
            CHECK(line.starts_with("broken.gguf: "));
            CHECK(line.find(broken.expected) != std::string::npos);
            CHECK(line.size() < 300);
        }
    }
}
