// Codebooks come back from their file, and files that lie are refused by one line.

#include "core/calibrate/codebook_file.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "core/model/safetensors.h"
#include "core/plan/learnt_store_text.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

std::shared_ptr<const Model> someModel() {
    at::manual_seed(31);
    return test::randomModel();
}

StoreCodebooks someBooks(const Model& model, const LearntStore& store) {
    const at::Tensor blocks = at::arange(60, at::kLong).view({3, 20}) * 7 % 40 + 3;
    const KvRows rows = collectKvRows(model, blocks, {.skip = 1, .gradients = true}, {}, kGoOn);
    return {.store = store,
            .layers = learnCodebooks(rows, store, 7, {}, kGoOn),
            .origin = {.model = "random",
                       .text = "numbers",
                       .modelFingerprint = modelFingerprint(model),
                       .textFingerprint = 0xfedcba9876543210u,
                       .tokens = 60,
                       .seed = 7,
                       .weighted = true,
                       .program = "1.2"}};
}

bool same(const at::Tensor& a, const at::Tensor& b) {
    return a.defined() == b.defined() && (!a.defined() || a.equal(b));
}

// A file of which one thing has been changed.
struct Forged {
    std::vector<NamedTensor> tensors;
    std::map<std::string, std::string> metadata;

    explicit Forged(const std::filesystem::path& honest) {
        const SafetensorsFile file(honest);
        for (const auto& [name, entry] : file.entries())
            tensors.push_back({name, file.read(name)});
        metadata = file.metadata();
        metadata.erase("format");
    }
    NamedTensor& tensor(const std::string& name) {
        for (NamedTensor& t : tensors)
            if (t.name == name)
                return t;
        throw std::logic_error(name);
    }
};

// The one line that refuses what `change` makes of an honest file.
template <typename Change>
std::string refusalOf(const LearntStore& store, const Change& change) {
    const TemporaryFolder folder;
    const auto model = someModel();
    const auto file = folder.path() / "books.safetensors";
    writeCodebooks(file, someBooks(*model, store));
    Forged forged(file);
    change(forged);
    writeSafetensors(file, forged.tensors, forged.metadata);
    try {
        readCodebooks(file, *model);
    } catch (const CheckpointError& error) {
        const std::string what = error.what();
        CHECK(what.find('\n') == std::string::npos);
        CHECK(what.find("books.safetensors") != std::string::npos);
        CHECK(what.find("fovea calibrate") != std::string::npos);
        return what;
    }
    return "nothing was refused";
}

const LearntStore kKvquant = KvquantParams{.bits = 2, .outliers = .05};
const LearntStore kCq = CqParams{.channels = 2, .bits = 3};

} // namespace

TEST_CASE("Codebooks come back as they were written", "[core.calibrate]") {
    const TemporaryFolder folder;
    const auto model = someModel();
    for (const LearntStore& store : {kKvquant, kCq}) {
        const StoreCodebooks books = someBooks(*model, store);
        const auto file = codebooksPath(folder.path(), store);
        writeCodebooks(file, books);
        const StoreCodebooks back = readCodebooks(file, *model);
        CHECK(back.store == books.store);
        REQUIRE(back.layers.size() == books.layers.size());
        for (std::size_t layer = 0; layer < back.layers.size(); ++layer) {
            const LayerCodebooks &a = back.layers[layer], &b = books.layers[layer];
            CHECK(same(a.keyTable.offset, b.keyTable.offset));
            CHECK(same(a.keyTable.range, b.keyTable.range));
            CHECK(same(a.keyTable.levels, b.keyTable.levels));
            CHECK(same(a.keyTable.read, b.keyTable.read));
            CHECK(same(a.valueTable.levels, b.valueTable.levels));
            CHECK(same(a.valueTable.read, b.valueTable.read));
            CHECK(same(a.keyCentroids, b.keyCentroids));
            CHECK(same(a.valueCentroids, b.valueCentroids));
        }
        CHECK(back.origin.textFingerprint == 0xfedcba9876543210u);
        CHECK(back.origin.modelFingerprint == books.origin.modelFingerprint);
        CHECK(back.origin.tokens == 60);
        CHECK(back.origin.seed == 7);
        CHECK(back.origin.weighted);
        CHECK(back.origin.model == "random");
        CHECK(back.origin.text == "numbers");
        CHECK(back.origin.program == "1.2");
    }
}

TEST_CASE("Codebooks lie in the model's folder or beside its file, named by their parameters",
          "[core.calibrate]") {
    const TemporaryFolder folder;
    CHECK(codebooksPath(folder.path(), kKvquant) ==
          folder.path() / "kvquant-bits2-outliers0.05.codebooks.safetensors");
    CHECK(codebooksPath("models/a.gguf", CqParams{}) == "models/a.gguf.cq.codebooks.safetensors");
}

TEST_CASE("Codebooks of another model are refused", "[core.calibrate]") {
    const TemporaryFolder folder;
    const auto model = someModel();
    const auto file = folder.path() / "books.safetensors";
    writeCodebooks(file, someBooks(*model, kCq));
    const auto other = test::randomModel(); // other weights, the same shape
    CHECK(modelFingerprint(*other) != modelFingerprint(*model));
    CHECK_THROWS_WITH(readCodebooks(file, *other), Catch::Contains("learnt from another model"));
}

TEST_CASE("Files of codebooks that lie are refused by one line", "[core.calibrate]") {
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata["fovea"] = "something"; }),
               Catch::Contains("no file of codebooks"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata.erase("fovea"); }),
               Catch::Contains("no file of codebooks"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata.erase("store"); }), Catch::Contains("has no store"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata["store"] = "rtn"; }),
               Catch::Contains("its store 'rtn'"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata["store"] = "cq:bits=99"; }),
               Catch::Contains("'cq:bits=99'"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata["store"] = "cq:channels=2,bits=4"; }),
               Catch::Contains("shape"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata["tokens"] = "60x"; }),
               Catch::Contains("tokens '60x' is no number"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.metadata["seed"] = ""; }), Catch::Contains("seed"));
    CHECK_THAT(refusalOf(kCq, [](Forged& f) { f.tensors.pop_back(); }), Catch::Contains("is missing"));
    CHECK_THAT(refusalOf(kCq,
                         [](Forged& f) {
                             f.tensors.push_back({"more", at::ones({1})});
                         }),
               Catch::Contains("tensors, not"));
    CHECK_THAT(refusalOf(kCq,
                         [](Forged& f) {
                             at::Tensor& t = f.tensor("layers.1.keys.centroids").tensor;
                             t = t.narrow(2, 0, 4).contiguous();
                         }),
               Catch::Contains("layers.1.keys.centroids has not the shape"));
    CHECK_THAT(refusalOf(kCq,
                         [](Forged& f) {
                             at::Tensor& t = f.tensor("layers.0.values.centroids").tensor;
                             t = t.to(at::kHalf);
                         }),
               Catch::Contains("of type 'F16', not F32"));
    const auto fill = [](const char* name, float with) {
        return [name, with](Forged& f) { f.tensor(name).tensor.view({-1}).narrow(0, 0, 1).fill_(with); };
    };
    CHECK_THAT(refusalOf(kCq, fill("layers.0.keys.centroids", std::numeric_limits<float>::quiet_NaN())),
               Catch::Contains("not finite"));
    CHECK_THAT(refusalOf(kKvquant, fill("layers.0.keys.range", 0)), Catch::Contains("not above 0"));
    CHECK_THAT(refusalOf(kKvquant, fill("layers.1.values.levels", 9)), Catch::Contains("does not ascend"));
}

TEST_CASE("A file cut short is no file of codebooks", "[core.calibrate]") {
    const TemporaryFolder folder;
    const auto model = someModel();
    const auto file = folder.path() / "books.safetensors";
    writeCodebooks(file, someBooks(*model, kKvquant));
    const auto size = std::filesystem::file_size(file);
    for (const std::uintmax_t left : {std::uintmax_t{0}, std::uintmax_t{7}, size / 2, size - 1}) {
        std::filesystem::resize_file(file, left);
        CHECK_THROWS_AS(readCodebooks(file, *model), CheckpointError);
    }
    CHECK_THROWS_AS(readCodebooks(folder.path() / "nothing", *model), CheckpointError);
}
