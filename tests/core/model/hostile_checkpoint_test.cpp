// Files that lie. Each is a small valid one, broken in one place, and must be refused in one line that names
// it.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/model/model.h"
#include "core/tokenizer/tokenizer.h"
#include "hostile.h"
#include "small_checkpoint.h"

using namespace fovea;
using test::Hostile;
using test::refused;
using Json = nlohmann::ordered_json;

namespace {

// A safetensors file taken apart.
struct Parts {
    Json header;
    std::string data;

    static Parts of(const std::string& file) {
        std::uint64_t length = 0;
        std::memcpy(&length, file.data(), 8);
        return {Json::parse(file.substr(8, length)), file.substr(8 + length)};
    }
    std::string whole() const { return withHeader(header.dump()); }
    std::string withHeader(const std::string& text) const { return withLength(text.size(), text); }
    std::string withLength(std::uint64_t length, const std::string& text) const {
        return std::string(reinterpret_cast<const char*>(&length), 8) + text + data;
    }
};

constexpr const char* kQuery = "model.layers.0.self_attn.q_proj.weight";

std::function<std::string(const std::string&)> edited(std::function<void(Json&)> edit) {
    return [edit = std::move(edit)](const std::string& file) {
        Parts parts = Parts::of(file);
        edit(parts.header);
        return parts.whole();
    };
}

std::function<std::string(const std::string&)> headerField(int index, std::int32_t value) {
    return [=](std::string file) {
        std::memcpy(file.data() + 4 * index, &value, 4);
        return file;
    };
}

} // namespace

TEST_CASE("A safetensors file that lies is refused in one line", "[core.model]") {
    const std::vector<Hostile> cases = {
        {"empty", "no safetensors", [](auto&) { return std::string(); }},
        {"seven bytes", "no safetensors", [](auto& f) { return f.substr(0, 7); }},
        {"truncated data", "outside the file", [](auto& f) { return f.substr(0, f.size() - 100); }},
        {"truncated header", "claims", [](auto& f) { return f.substr(0, 200); }},
        {"header beyond the file", "claims", [](auto& f) { return Parts::of(f).withLength(f.size(), "{}"); }},
        {"header of 2^64-1", "claims", [](auto& f) { return Parts::of(f).withLength(UINT64_MAX, "{}"); }},
        {"header of no length", "makes no sense", [](auto& f) { return Parts::of(f).withLength(0, ""); }},
        {"header not JSON", "not a JSON object",
         [](auto& f) { return Parts::of(f).withHeader("hello there"); }},
        {"header a list", "not a JSON object", [](auto& f) { return Parts::of(f).withHeader("[1,2]"); }},
        {"header nested deep", "not a JSON object",
         [](auto& f) { return Parts::of(f).withHeader(std::string(200000, '[')); }},
        {"trailing bytes", "belong to no tensor", [](auto& f) { return f + "more"; }},
        {"integers as weights", "'I16'", edited([](Json& h) { h[kQuery]["dtype"] = "I16"; })},
        {"a type that nobody knows", "'F12'", edited([](Json& h) { h[kQuery]["dtype"] = "F12"; })},
        {"type that does not fit", "does not fit", edited([](Json& h) { h[kQuery]["dtype"] = "F32"; })},
        {"missing tensor", "belong to none", edited([](Json& h) { h.erase(kQuery); })},
        {"renamed tensor", "is missing", edited([](Json& h) {
             h["model.layers.0.self_attn.qkv.weight"] = h[kQuery];
             h.erase(kQuery);
         })},
        {"unknown tensor", "not part of the model",
         [](const std::string& f) {
             Parts p = Parts::of(f);
             p.header["model.layers.0.self_attn.q_proj.bias"] = {
                 {"dtype", "BF16"}, {"shape", {32}}, {"data_offsets", {p.data.size(), p.data.size() + 64}}};
             p.data.append(64, '\0');
             return p.whole();
         }},
        {"name with a newline", "is missing", edited([](Json& h) {
             h["evil\nname"] = h[kQuery];
             h.erase(kQuery);
         })},
        {"overlap", "overlap", edited([](Json& h) {
             h["model.layers.0.self_attn.o_proj.weight"]["data_offsets"] = h[kQuery]["data_offsets"];
         })},
        {"wrong shape", "where config.json says", edited([](Json& h) {
             h[kQuery]["shape"] = {16, 64};
         })},
        {"shape too small", "does not fit", edited([](Json& h) {
             h[kQuery]["shape"] = {32, 16};
         })},
        {"shape that overflows", "does not fit", edited([](Json& h) {
             h[kQuery]["shape"] = {4294967296, 4294967296, 4294967296};
         })},
        {"shape that overflows back to its size", "does not fit", edited([](Json& h) {
             h[kQuery]["shape"] = {Json(std::uint64_t{1} << 62), 8, 32, 32};
         })},
        {"negative dimension", "no positive number", edited([](Json& h) {
             h[kQuery]["shape"] = {-32, -32};
         })},
        {"zero dimension", "no positive number", edited([](Json& h) {
             h[kQuery]["shape"] = {0, 32};
         })},
        {"fractional dimension", "no positive number", edited([](Json& h) {
             h[kQuery]["shape"] = {32.5, 32};
         })},
        {"too many dimensions", "dimensions",
         edited([](Json& h) { h[kQuery]["shape"] = std::vector<int>(100000, 1); })},
        {"offsets backwards", "outside the file", edited([](Json& h) {
             h[kQuery]["data_offsets"] = {64, 0};
         })},
        {"offset negative", "outside the file", edited([](Json& h) {
             h[kQuery]["data_offsets"] = {-64, 64};
         })},
        {"offset beyond the file", "outside the file", edited([](Json& h) {
             h[kQuery]["data_offsets"] = {Json(UINT64_MAX - 2047), Json(UINT64_MAX)};
         })},
        {"no offsets", "lacks", edited([](Json& h) { h[kQuery].erase("data_offsets"); })},
        {"three offsets", "lacks", edited([](Json& h) {
             h[kQuery]["data_offsets"] = {0, 1, 2};
         })},
        {"entry a number", "lacks", edited([](Json& h) { h[kQuery] = 7; })},
    };
    const test::ScratchFolder scratch;
    test::writeSmallFolder(scratch.path());
    const auto file = scratch.path() / "model.safetensors";
    const std::string valid = test::readAll(file);
    REQUIRE_NOTHROW(loadModel(scratch.path()));
    for (const Hostile& c : cases) {
        test::writeAll(file, c.spoil(valid));
        refused(c.what, file, c.expected, [&] { loadModel(scratch.path()); });
    }
    std::filesystem::remove(file);
    refused("no file", file, "no such file", [&] { loadModel(scratch.path()); });
}

TEST_CASE("A llama2.c file that lies is refused in one line", "[core.model]") {
    const std::vector<Hostile> cases = {
        {"empty", "no llama2.c", [](auto&) { return std::string(); }},
        {"only a header", "promises", [](auto& f) { return f.substr(0, 28); }},
        {"truncated", "promises", [](auto& f) { return f.substr(0, f.size() - 4); }},
        {"trailing bytes", "promises", [](auto& f) { return f + "1234"; }},
        {"text", "", [](auto& f) { return std::string(f.size(), 'a'); }},
        {"zeros", "layers of 0", [](auto& f) { return std::string(f.size(), '\0'); }},
        {"a later version", "later version", headerField(0, 0x616b3432)},
        {"zero width", "width of 0", headerField(0, 0)},
        {"negative width", "width of -32", headerField(0, -32)},
        {"wider", "promises", headerField(0, 64)},
        {"huge FFN", "FFN width", headerField(1, INT32_MAX)},
        {"zero layers", "layers of 0", headerField(2, 0)},
        {"negative layers", "layers of -1", headerField(2, -1)},
        {"one layer more", "promises", headerField(2, 3)},
        {"zero heads", "query heads of 0", headerField(3, 0)},
        {"KV heads that do not divide", "cannot share", headerField(4, 3)},
        {"zero KV heads", "KV heads of 0", headerField(4, 0)},
        {"zero vocabulary", "vocabulary of 0", headerField(5, 0)},
        {"the smallest vocabulary", "vocabulary of 0", headerField(5, INT32_MIN)},
        {"an untied head that is not there", "promises", headerField(5, -300)},
        {"negative context", "context of -64", headerField(6, -64)},
        {"largest counts", "make sense", headerField(6, INT32_MAX)},
    };
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "model.bin";
    const std::string valid = test::smallLlama2c(test::smallModel(), true);
    test::writeAll(file, valid);
    REQUIRE_NOTHROW(loadModel(file));
    for (const Hostile& c : cases) {
        test::writeAll(file, c.spoil(valid));
        refused(c.what, file, c.expected, [&] { loadModel(file); });
    }
    const auto missing = scratch.path() / "none.bin";
    refused("no file", missing, "no such file", [&] { loadModel(missing); });
    refused("a device", "/dev/zero", "not a regular file", [&] { loadModel("/dev/zero"); });
    const auto safetensors = scratch.path() / "model.safetensors";
    refused("a file of a folder", safetensors, "folder", [&] { loadModel(safetensors); });
}

TEST_CASE("A tokenizer that is missing, broken or another model's is refused in one line", "[core.model]") {
    const test::ScratchFolder scratch;
    test::writeSmallFolder(scratch.path());
    const auto folder = scratch.path();
    const auto file = folder / "tokenizer.model";
    const std::string valid = test::smallSentencepiece();
    const auto load = [&](const std::filesystem::path& name = {}, int vocabulary = 300) {
        return [=] { loadTokenizer(folder, name, vocabulary); };
    };
    REQUIRE_NOTHROW(load()());
    refused("another vocabulary", file, "300 pieces where the model has 512", load({}, 512));
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{3}, valid.size() / 2, valid.size() - 1}) {
        test::writeAll(file, valid.substr(0, size));
        refused("cut off at " + std::to_string(size), file, "", load());
    }
    test::writeAll(file, std::string(5000, '\xff'));
    refused("noise", file, "not a sentencepiece", load());
    test::writeAll(file, valid + "\x12\x02\x18\x03"); // trainer_spec once more: whole words
    refused("words", file, "of the kind \"word\"", load());
    test::writeAll(file, valid + "\x1a\x03\x12\x01x"); // normalizer_spec with a table
    refused("normalising", file, "table of characters", load());
    test::writeAll(file, valid + std::string("\x12\x04\xc8\x02\x90\x4e", 6)); // trainer_spec: bos_id 10000
    refused("special token outside", file, "outside the vocabulary", load());
    std::filesystem::remove(file);
    refused("missing", folder, "--tokenizer", load());
    refused("named and missing", "else.model", "no such file", load(folder / "else.model"));
    refused("tokenizer.json", "tokenizer.json", "no such file", load(folder / "tokenizer.json"));

    const auto model = folder / "m.bin", bin = folder / "tokenizer.bin";
    const auto loadBin = [&] { loadTokenizer(model, {}, 300); };
    refused("no tokenizer.bin", model, "--tokenizer", loadBin);
    const std::string validBin = test::smallLlama2cTokenizer();
    test::writeAll(bin, validBin);
    REQUIRE_NOTHROW(loadBin());
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{3}, std::size_t{4}, validBin.size() / 2, validBin.size() - 1}) {
        test::writeAll(bin, validBin.substr(0, size));
        refused("cut off at " + std::to_string(size), bin, "", loadBin);
    }
    for (const std::int32_t length : {-1, 33, INT32_MAX, INT32_MIN}) {
        std::string broken = validBin;
        std::memcpy(broken.data() + 8, &length, 4);
        test::writeAll(bin, broken);
        refused("piece of " + std::to_string(length), bin, "claims", loadBin);
    }
    std::string notANumber = validBin;
    std::memcpy(notANumber.data() + 4, "\xff\xff\xff\x7f", 4);
    test::writeAll(bin, notANumber);
    refused("score not a number", bin, "no number", loadBin);
}
