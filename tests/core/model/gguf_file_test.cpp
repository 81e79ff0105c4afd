#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <limits>

#include "core/model/checkpoint_error.h"
#include "core/model/gguf.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using namespace fovea::test;

namespace {

std::span<const std::byte> bytesOf(const std::string& text) {
    return std::as_bytes(std::span<const char>(text));
}

// Two tensors, one of them of blocks: 2 rows of 64 weights, so 2·2·18 bytes.
GgufBytes small() {
    GgufBytes file;
    file.pair("general.architecture", "llama").pair("llama.block_count", std::uint32_t{2});
    file.array("tokenizer.ggml.tokens", {"<s>", "", "▁a"});
    file.tensors.push_back({"a.weight", {3, 2}, 0, std::string(24, '\1'), {}});
    file.tensors.push_back({"b.weight", {64, 2}, 2, std::string(72, '\2'), {}});
    return file;
}

} // namespace

TEST_CASE("A GGUF file is read as it was put together", "[core.gguf]") {
    const std::uint32_t version = GENERATE(2u, 3u);
    GgufBytes bytes = small();
    bytes.version = version;
    const std::string text = bytes.whole();
    const GgufFile file("small.gguf", bytesOf(text));
    CHECK(file.version() == version);
    CHECK(file.find("general.architecture")->string() == "llama");
    CHECK(file.find("llama.block_count")->integer() == 2);
    CHECK(file.find("llama.nothing") == nullptr);
    CHECK(file.find("tokenizer.ggml.tokens")->strings() == std::vector<std::string_view>{"<s>", "", "▁a"});
    REQUIRE(file.tensors().size() == 2);
    const GgufTensor& a = file.tensors().at("a.weight");
    CHECK(a.blocks == BlockType::None);
    CHECK(a.type == ElementType::F32);
    CHECK(a.shape == std::vector<std::int64_t>{2, 3});
    CHECK(a.weights() == 6);
    CHECK(file.bytes(a).size() == 24);
    CHECK(file.bytes(a)[0] == std::byte{1});
    const GgufTensor& b = file.tensors().at("b.weight");
    CHECK(b.blocks == BlockType::Q4_0);
    CHECK(b.typeName() == "Q4_0");
    CHECK(b.bytes == 72);
    CHECK(b.begin % 32 == 0);
    CHECK(file.bytes(b)[71] == std::byte{2});
}

TEST_CASE("A GGUF file is mapped, and stays so while something points into it", "[core.gguf]") {
    const TemporaryFolder folder;
    putContent(folder / "small.gguf", small().whole());
    std::shared_ptr<const MappedFile> mapping;
    std::span<const std::byte> data;
    {
        const GgufFile file(folder / "small.gguf");
        mapping = file.mapping();
        data = file.bytes(file.tensors().at("b.weight"));
    }
    CHECK(data[0] == std::byte{2});
    mapping->forget(mapping->bytes()); // and read again
    CHECK(data[0] == std::byte{2});
    CHECK_THROWS_AS(GgufFile(folder / "absent.gguf"), CheckpointError);
    CHECK_THROWS_AS(GgufFile(folder.path()), CheckpointError);
    putContent(folder / "empty.gguf", "");
    CHECK_THROWS_WITH(GgufFile(folder / "empty.gguf"), Catch::Contains("no GGUF file"));
}

TEST_CASE("Each type of a metadata value answers what it can, and nothing else", "[core.gguf]") {
    GgufBytes bytes;
    using T = GgufValueType;
    bytes.pair("u8", T::Uint8, rawBytes(std::uint8_t{200})).pair("i8", T::Int8, rawBytes(std::int8_t{-3}));
    bytes.pair("u16", T::Uint16, rawBytes(std::uint16_t{60000}))
        .pair("i16", T::Int16, rawBytes(std::int16_t{-300}));
    bytes.pair("u32", T::Uint32, rawBytes(std::uint32_t{4000000000u}));
    bytes.pair("i32", T::Int32, rawBytes(std::int32_t{-70000}));
    bytes.pair("u64", T::Uint64, rawBytes(std::numeric_limits<std::uint64_t>::max()));
    bytes.pair("i64", T::Int64, rawBytes(std::numeric_limits<std::int64_t>::min()));
    bytes.pair("f32", 1.5f).pair("f64", T::Float64, rawBytes(-2.25)).pair("yes", true).pair("no", false);
    bytes.pair("text", "a");
    bytes.array("i32s", T::Int32, 3, rawBytes(1) + rawBytes(-2) + rawBytes(3));
    bytes.array("f32s", T::Float32, 2, rawBytes(.5f) + rawBytes(-1.f));
    bytes.array("bools", T::Bool, 3, std::string("\1\0\1", 3));
    bytes.array("none", T::String, 0, "");
    const std::string text = bytes.whole();
    const GgufFile file("values.gguf", bytesOf(text));
    const auto at = [&](const char* key) -> const GgufValue& { return *file.find(key); };

    CHECK(at("u8").integer() == 200);
    CHECK(at("i8").integer() == -3);
    CHECK(at("u16").integer() == 60000);
    CHECK(at("i16").integer() == -300);
    CHECK(at("u32").integer() == 4000000000);
    CHECK(at("i32").integer() == -70000);
    CHECK_FALSE(at("u64").integer());
    CHECK(at("u64").number() == 18446744073709551616.0);
    CHECK(at("i64").integer() == std::numeric_limits<std::int64_t>::min());
    CHECK(at("f32").number() == 1.5);
    CHECK(at("f64").number() == -2.25);
    CHECK(at("i8").number() == -3.0);
    CHECK(at("yes").boolean() == true);
    CHECK(at("no").boolean() == false);
    CHECK(at("text").string() == "a");
    CHECK(at("i32s").integers() == std::vector<std::int64_t>{1, -2, 3});
    CHECK(at("i32s").numbers() == std::vector<double>{1, -2, 3});
    CHECK(at("f32s").numbers() == std::vector<double>{.5, -1});
    CHECK(at("bools").booleans() == std::vector<bool>{true, false, true});
    CHECK(at("none").strings()->empty());
    CHECK(at("i32s").type() == T::Array);
    CHECK(at("i32s").elementType() == T::Int32);
    CHECK(at("i32s").count() == 3);

    CHECK_FALSE(at("f32").integer());
    CHECK_FALSE(at("text").number());
    CHECK_FALSE(at("u8").boolean());
    CHECK_FALSE(at("u8").string());
    CHECK_FALSE(at("u8").integers());
    CHECK_FALSE(at("i32s").integer());
    CHECK_FALSE(at("f32s").integers());
    CHECK_FALSE(at("i32s").strings());
    CHECK_FALSE(at("none").numbers());
    CHECK_FALSE(at("i32s").booleans());
}

TEST_CASE("A GGUF header cut off anywhere is refused in one line", "[core.gguf]") {
    const GgufBytes bytes = small();
    const std::size_t header = bytes.header().size();
    const std::string text = bytes.whole();
    for (std::size_t length = 0; length < text.size(); ++length) {
        const std::string cut = text.substr(0, length);
        INFO(length << " of " << text.size() << " bytes, the header's " << header);
        CHECK_THROWS_AS(GgufFile("cut.gguf", bytesOf(cut)), CheckpointError);
    }
}

TEST_CASE("Any one byte of a GGUF header changed is read or refused, never followed", "[core.gguf]") {
    const GgufBytes bytes = small();
    const std::string text = bytes.whole();
    int refusals = 0;
    for (std::size_t at = 0; at < bytes.header().size(); ++at) {
        for (const int flip : {1, 0x80, 0xff}) {
            std::string spoilt = text;
            spoilt[at] = static_cast<char>(spoilt[at] ^ flip);
            try {
                const GgufFile file("spoilt.gguf", bytesOf(spoilt));
                for (const auto& [name, tensor] : file.tensors())
                    CHECK(file.bytes(tensor).size() == tensor.bytes);
            } catch (const CheckpointError& error) {
                ++refusals;
                CHECK(std::string(error.what()).find('\n') == std::string::npos);
            }
        }
    }
    CHECK(refusals > 100);
}
