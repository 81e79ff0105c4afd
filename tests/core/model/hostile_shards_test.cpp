// Checkpoints in shards: an index that lies, shards that do not fit it.

#include <filesystem>

#include "core/model/safetensors.h"
#include "hostile.h"
#include "small_checkpoint.h"

using namespace fovea;
using test::Hostile;
using test::refused;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kFirst = "model-00001-of-00003.safetensors";
constexpr const char* kQuery = "model.layers.0.self_attn.q_proj.weight";

// A copy of the sharded golden checkpoint.
class Sharded {
public:
    Sharded() {
        const auto from = std::filesystem::path(FOVEA_SOURCE_DIR) / "tests/golden/checkpoints/llama_sharded";
        std::filesystem::copy(from, folder());
        validIndex = test::readAll(index());
    }
    std::filesystem::path folder() const { return m_scratch.path() / "sharded"; }
    std::filesystem::path index() const { return folder() / "model.safetensors.index.json"; }
    void load() const { loadModel(folder()); }

    std::string validIndex;

private:
    test::ScratchFolder m_scratch;
};

std::function<std::string(const std::string&)> inMap(std::function<void(Json&)> edit) {
    return [edit = std::move(edit)](const std::string& file) {
        Json index = Json::parse(file);
        edit(index["weight_map"]);
        return index.dump();
    };
}

} // namespace

TEST_CASE("An index of shards that lies is refused in one line", "[core.model]") {
    const std::vector<Hostile> cases = {
        {"empty", "no JSON object", [](auto&) { return std::string(); }},
        {"truncated", "no JSON object", [](auto& f) { return f.substr(0, f.size() / 2); }},
        {"a list", "no JSON object", [](auto&) { return std::string("[]"); }},
        {"no map", "weight_map", [](auto&) { return std::string("{}"); }},
        {"empty map", "weight_map", [](auto&) { return std::string(R"({"weight_map": {}})"); }},
        {"nested deep", "no JSON object", [](auto&) { return std::string(200000, '['); }},
        {"a file elsewhere", "beside it", inMap([](Json& m) { m[kQuery] = "../model.safetensors"; })},
        {"a file at the root", "beside it", inMap([](Json& m) { m[kQuery] = "/etc/model.safetensors"; })},
        {"a file below", "beside it", inMap([](Json& m) { m[kQuery] = "sub/model.safetensors"; })},
        {"a hidden file", "beside it", inMap([](Json& m) { m[kQuery] = ".model.safetensors"; })},
        {"backslashes", "beside it", inMap([](Json& m) { m[kQuery] = "..\\model.safetensors"; })},
        {"a newline", "beside it", inMap([](Json& m) { m[kQuery] = "a\nb.safetensors"; })},
        {"another kind of file", "beside it", inMap([](Json& m) { m[kQuery] = "pytorch_model.bin"; })},
        {"no name", "beside it", inMap([](Json& m) { m[kQuery] = ""; })},
        {"a number", "beside it", inMap([](Json& m) { m[kQuery] = 3; })},
        {"a tensor that is in no file", "where the index says",
         inMap([](Json& m) { m["extra.weight"] = kFirst; })},
        {"a tensor left out", "is not in the index", inMap([](Json& m) { m.erase(kQuery); })},
        {"a tensor said to be in another shard", "as well as in",
         inMap([](Json& m) { m[kQuery] = "model-00003-of-00003.safetensors"; })},
        {"too many shards", "make no sense", inMap([](Json& m) {
             for (int i = 0; i < 1001; ++i)
                 m['t' + std::to_string(i)] = 's' + std::to_string(i) + ".safetensors";
         })},
    };
    Sharded sharded;
    REQUIRE_NOTHROW(sharded.load());
    REQUIRE(Json::parse(sharded.validIndex)["weight_map"][kQuery] == kFirst);
    for (const Hostile& c : cases) {
        test::writeAll(sharded.index(), c.spoil(sharded.validIndex));
        refused(c.what, sharded.index(), c.expected, [&] { sharded.load(); });
    }
}

TEST_CASE("Shards that are missing, cut, doubled or not listed are refused in one line", "[core.model]") {
    {
        Sharded sharded;
        std::filesystem::remove(sharded.folder() / kFirst);
        refused("missing", kFirst, "no such file", [&] { sharded.load(); });
    }
    {
        Sharded sharded;
        const std::string whole = test::readAll(sharded.folder() / kFirst);
        test::writeAll(sharded.folder() / kFirst, whole.substr(0, whole.size() - 4));
        refused("cut", kFirst, "outside the file", [&] { sharded.load(); });
    }
    {
        Sharded sharded;
        std::filesystem::remove(sharded.folder() / kFirst);
        std::filesystem::create_directory(sharded.folder() / kFirst);
        refused("a folder", kFirst, "not a regular file", [&] { sharded.load(); });
    }
    {
        Sharded sharded;
        std::filesystem::copy_file(sharded.folder() / kFirst,
                                   sharded.folder() / "model-00004-of-00003.safetensors");
        refused("not listed", sharded.index(), "not in the index", [&] { sharded.load(); });
        std::filesystem::remove(sharded.folder() / "model-00004-of-00003.safetensors");
        std::filesystem::copy_file(sharded.folder() / kFirst, sharded.folder() / "consolidated.safetensors");
        CHECK_NOTHROW(sharded.load()); // another form of the same weights, which some folders hold
    }
    {
        Sharded sharded;
        std::filesystem::copy_file(sharded.folder() / "model-00002-of-00003.safetensors",
                                   sharded.folder() / kFirst,
                                   std::filesystem::copy_options::overwrite_existing);
        refused("one shard twice", sharded.index(), "as well as in", [&] { sharded.load(); });
    }
}

TEST_CASE("Weights are mapped, and outlive their file's name", "[core.model]") {
    Sharded sharded;
    const auto model = loadModel(sharded.folder());
    const at::Tensor& query = model->layers[0].query.weight.stored();
    const at::Tensor before = query.clone();
    std::filesystem::remove_all(sharded.folder());
    CHECK(query.equal(before));
    CHECK(query.storage().data_ptr().get_deleter() != before.storage().data_ptr().get_deleter());
}
