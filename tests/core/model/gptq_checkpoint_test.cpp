// Folders in GPTQ's format: what is written opens again with the same values, others' forms are read, and what is broken
// or not understood is refused in one line.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "core/methods/quantise/rounded_weights.h"
#include "core/methods/quantise/rtn_truth.h"
#include "core/model/huggingface/gptq_words.h"
#include "core/model/model_header.h"
#include "core/model/safetensors.h"
#include "small_checkpoint.h"

#include "hostile.h"

using namespace fovea;
using Json = nlohmann::ordered_json;

namespace {

const std::atomic<bool> kGoOn = false;

CodedRows someRows(std::int64_t out, std::int64_t in, const RtnParams& rtn) {
    RtnFault fault = RtnFault::None;
    const CodedRows rows = takeApart(roundMatrix(Weight(at::randn({out, in})), rtn, kGoOn, fault));
    REQUIRE(fault == RtnFault::None);
    return rows;
}

// A small Llama's folder whose matrices are words, to be changed before it is opened.
class GptqFolder {
public:
    GptqFolder(int bits, int group, bool lessOne) : m_bits(bits), m_group(group) {
        at::manual_seed(bits);
        test::writeSmallFolder(m_scratch.path());
        config = Json::parse(test::readAll(m_scratch.path() / "config.json"));
        config["quantization_config"] = {{"quant_method", "gptq"},
                                         {"bits", bits},
                                         {"group_size", group},
                                         {"desc_act", false},
                                         {"checkpoint_format", lessOne ? "gptq" : "gptq_v2"},
                                         {"sym", false},
                                         {"damp_percent", .01},
                                         {"meta", {{"quantizer", "of others"}}}};
        const SafetensorsFile file(m_scratch.path() / "model.safetensors");
        for (const auto& [name, entry] : file.entries())
            if (name.find("_proj") == std::string::npos)
                tensors[name] = file.read(name);
            else
                put(name.substr(0, name.rfind('.')), file.read(name).to(at::kFloat), lessOne);
    }

    const std::filesystem::path& write() {
        std::vector<NamedTensor> all;
        for (const auto& [name, tensor] : tensors)
            all.push_back({name, tensor});
        writeSafetensors(m_scratch.path() / "model.safetensors", all);
        test::writeAll(m_scratch.path() / "config.json", config.dump());
        return m_scratch.path();
    }

    // What a layer's matrix should say.
    const at::Tensor& values(const std::string& name) const { return m_values.at(name); }
    RtnParams rtn(std::int64_t columns) const {
        return {.bits = m_bits, .group = m_group > 0 ? m_group : static_cast<int>((columns + 127) / 128 * 128)};
    }

    Json config;
    std::map<std::string, at::Tensor> tensors;

private:
    void put(const std::string& name, const at::Tensor& w, bool lessOne) {
        const RtnParams form = rtn(w.size(1));
        RtnFault fault = RtnFault::None;
        CodedRows rows = takeApart(roundMatrix(Weight(w), form, kGoOn, fault));
        if (lessOne)
            rows.zeros.clamp_(1);
        const GptqWords words = gptqWords(rows, lessOne);
        tensors[name + ".qweight"] = words.weights;
        tensors[name + ".qzeros"] = words.zeros;
        tensors[name + ".scales"] = words.scales;
        tensors[name + ".g_idx"] = words.groups;
        m_values[name] = decodedRows(rows);
    }

    test::ScratchFolder m_scratch;
    int m_bits, m_group;
    std::map<std::string, at::Tensor> m_values;
};

constexpr const char* kQuery = "model.layers.1.self_attn.q_proj";

} // namespace

TEST_CASE("GPTQ's words by hand", "[core.model]") {
    // 3 bits: 32 codes are three words; the eleventh code has two bits in the first and one in the second.
    CodedRows rows{{.bits = 3, .group = 32}, at::zeros({32, 32}, at::kByte), at::zeros({32, 1}, at::kHalf),
                   at::zeros({32, 1}, at::kByte)};
    rows.codes[5][0] = 1;
    rows.codes[5][10] = 6;
    rows.codes[5][21] = 7;
    rows.codes[5][31] = 4;
    rows.zeros.fill_(1);
    rows.zeros[10][0] = 7;
    const GptqWords words = gptqWords(rows, true);
    REQUIRE(words.weights.sizes() == at::IntArrayRef({3, 32}));
    const auto word = [](const at::Tensor& t, int i, int j) {
        return static_cast<std::uint32_t>(t[i][j].item<std::int32_t>());
    };
    CHECK(word(words.weights, 0, 5) == (1u | 2u << 30));      // 6 = 110: its low two bits are 10
    CHECK(word(words.weights, 1, 5) == (1u | 1u << 31));      // and its highest; the 22nd's lowest
    CHECK(word(words.weights, 2, 5) == (3u | 4u << 29));      // the rest of it; the last
    CHECK(words.weights.select(1, 4).abs().sum().item<std::int64_t>() == 0);
    CHECK(word(words.zeros, 0, 0) == 2u << 30); // 7 − 1 = 110
    CHECK(word(words.zeros, 0, 1) == 1u);
    // 4 bits, as tables of the format show them: eight codes a word, the first lowest.
    CodedRows four{{.bits = 4, .group = 32}, at::zeros({8, 32}, at::kByte), at::zeros({8, 1}, at::kHalf),
                   at::zeros({8, 1}, at::kByte)};
    for (int i = 0; i < 8; ++i)
        four.codes[0][i] = i + 1;
    CHECK(word(gptqWords(four, false).weights, 0, 0) == 0x87654321u);
}

TEST_CASE("Rows and words are the same numbers", "[core.model]") {
    at::manual_seed(51);
    for (const int bits : kRtnBits)
        for (const int columns : {32, 96, 256}) {
            const RtnParams rtn{.bits = bits, .group = 64};
            const CodedRows rows = someRows(64, columns, rtn);
            for (const bool lessOne : {false, true}) {
                if (lessOne && hasZeroOfNone(rows))
                    continue;
                const CodedRows back = codedRows(gptqWords(rows, lessOne), rtn, columns, lessOne);
                CHECK(at::equal(back.codes, rows.codes));
                CHECK(at::equal(back.zeros, rows.zeros));
                CHECK(at::equal(back.scales, rows.scales));
            }
        }
    CHECK(gptqHolds(4, 8, 8));
    CHECK_FALSE(gptqHolds(4, 8, 12));
    CHECK_FALSE(gptqHolds(3, 8, 32));
}

TEST_CASE("A folder of GPTQ's words opens as packed rows", "[core.model]") {
    for (const int bits : {8, 4, 2}) // at 3 this model's rows fill no whole words
        for (const int group : {32, -1})
            for (const bool lessOne : {true, false}) {
                INFO(bits << " bits, groups of " << group << ", version " << (lessOne ? 1 : 2));
                GptqFolder folder(bits, group, lessOne);
                const auto model = loadModel(folder.write());
                const Weight& query = model->layers[1].query.weight;
                REQUIRE(query.rtn().has_value());
                CHECK(*query.rtn() == folder.rtn(32));
                CHECK(at::equal(query.to(at::kFloat), folder.values(kQuery)));
                CHECK(at::equal(model->layers[0].down.weight.to(at::kFloat),
                                folder.values("model.layers.0.mlp.down_proj")));
                const ModelSpec header = readModelHeader(folder.write());
                CHECK(header.weightBytes == model->spec.weightBytes);
                CHECK(header.parameters == model->spec.parameters);
                CHECK(model->origin == folder.write());
            }
}

TEST_CASE("What other programs write in GPTQ's format is read", "[core.model]") {
    SECTION("without g_idx") {
        GptqFolder folder(4, 32, true);
        std::erase_if(folder.tensors, [](const auto& one) { return one.first.ends_with("g_idx"); });
        CHECK_NOTHROW(loadModel(folder.write()));
    }
    SECTION("a bias of nothing") {
        GptqFolder folder(4, 32, true);
        folder.tensors[std::string(kQuery) + ".bias"] = at::zeros({32}, at::kHalf);
        CHECK_NOTHROW(loadModel(folder.write()));
    }
    SECTION("a matrix left as floats") {
        GptqFolder folder(4, 32, true);
        for (const char* part : {".qweight", ".qzeros", ".scales", ".g_idx"})
            folder.tensors.erase(kQuery + std::string(part));
        folder.tensors[std::string(kQuery) + ".weight"] = at::randn({32, 32});
        const auto model = loadModel(folder.write());
        CHECK(model->layers[1].query.weight.isFloats());
        CHECK_FALSE(model->layers[1].key.weight.isFloats());
    }
    SECTION("without a format's name, which is version 1") {
        GptqFolder folder(4, 32, true);
        folder.config["quantization_config"].erase("checkpoint_format");
        const auto model = loadModel(folder.write());
        CHECK(at::equal(model->layers[1].query.weight.to(at::kFloat), folder.values(kQuery)));
    }
}

TEST_CASE("GPTQ folders that lie, or ask for more, are refused in one line", "[core.model]") {
    using Change = std::function<void(GptqFolder&)>;
    struct Case {
        const char *what, *expected;
        Change change;
    };
    const auto setting = [](const char* key, Json value) -> Change {
        return [=](GptqFolder& folder) { folder.config["quantization_config"][key] = value; };
    };
    const auto tensor = [](const char* part, const std::function<at::Tensor(const at::Tensor&)>& make) -> Change {
        return [=](GptqFolder& folder) {
            at::Tensor& one = folder.tensors.at(kQuery + std::string(part));
            one = make(one);
        };
    };
    const auto spoilt = [](double value) {
        return [=](const at::Tensor& t) {
            at::Tensor copy = t.clone();
            copy[0][0] = value;
            return copy;
        };
    };
    const Case cases[] = {
        {"another method", "quant_method", setting("quant_method", "awq")},
        {"no method", "quant_method", setting("quant_method", nullptr)},
        {"five bits", "bits 5", setting("bits", 5)},
        {"bits as text", "bits", setting("bits", "four")},
        {"a group of 16", "group_size 16", setting("group_size", 16)},
        {"a group of none", "group_size 0", setting("group_size", 0)},
        {"act-order", "act-order", setting("desc_act", true)},
        {"Marlin's layout", "checkpoint_format", setting("checkpoint_format", "marlin")},
        {"other bits for some", "dynamic", setting("dynamic", {{"+:.*", {{"bits", 8}}}})},
        {"a rounded head", "lm_head", setting("lm_head", true)},
        {"words of another width", "pack_dtype", setting("pack_dtype", "int16")},
        {"a configuration that is a list", "quantization_config",
         [](GptqFolder& f) { f.config["quantization_config"] = Json::array({1}); }},
        {"no configuration", "is missing", [](GptqFolder& f) { f.config.erase("quantization_config"); }},
        {"no zeros", "qzeros",
         [](GptqFolder& f) { f.tensors.erase(std::string(kQuery) + ".qzeros"); }},
        {"words that are floats", "I32 is supported",
         tensor(".qweight", [](const at::Tensor& t) { return t.to(at::kFloat); })},
        {"scales that are words", "F32, F16 and BF16",
         tensor(".scales", [](const at::Tensor& t) { return t.to(at::kInt); })},
        {"scales in bf16", "F16, the one type",
         tensor(".scales", [](const at::Tensor& t) { return t.to(at::kBFloat16); })},
        {"too few words", "where config.json says",
         tensor(".qweight", [](const at::Tensor& t) { return t.narrow(0, 0, 1).clone(); })},
        {"groups of another size", "where config.json says", setting("group_size", -1)},
        {"other bits than the words'", "where config.json says", setting("bits", 8)},
        {"a scale that is no number", "no finite numbers", tensor(".scales", spoilt(NAN))},
        {"a zero that cannot be told", "gptq_v2", tensor(".qzeros", spoilt(-1))},
        {"inputs in another order", "act-order",
         tensor(".g_idx", [](const at::Tensor& t) { return t + 1; })},
        {"a bias that acts", "bias",
         [](GptqFolder& f) { f.tensors[std::string(kQuery) + ".bias"] = at::ones({32}); }},
    };
    for (const Case& one : cases) {
        GptqFolder folder(4, 32, true);
        one.change(folder);
        const std::filesystem::path path = folder.write();
        test::refused(one.what, path, one.expected, [&] { loadModel(path); });
    }
}
