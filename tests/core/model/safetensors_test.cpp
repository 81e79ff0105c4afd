#include "core/model/safetensors.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>

#include "core/model/checked_file.h"
#include "core/model/huggingface/checkpoint.h"
#include "small_checkpoint.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

TEST_CASE("A safetensors file gives back the tensors written, type and bits", "[core.model]") {
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "x.safetensors";
    const std::vector<NamedTensor> written = {{"b", at::randn({3, 5}).to(at::kBFloat16)},
                                              {"a", at::randn({7})},
                                              {"c", at::randn({2, 1, 4}).to(at::kHalf)}};
    writeSafetensors(file, written);
    const SafetensorsFile read(file);
    REQUIRE(read.entries().size() == 3);
    for (const auto& [name, tensor] : written) {
        const at::Tensor back = read.read(name);
        CHECK(back.scalar_type() == tensor.scalar_type());
        CHECK(at::equal(back, tensor));
    }
    CHECK_THROWS_AS(read.read("d"), CheckpointError);
}

TEST_CASE("A folder gives back the model written, rounded to bf16", "[core.model]") {
    const test::ScratchFolder scratch;
    test::writeSmallFolder(scratch.path());
    const Model model = test::smallModel();
    const auto back = loadModel(scratch.path());
    CHECK(back->spec.kvHeads == 2);
    CHECK(back->spec.headDim == 8);
    CHECK(back->spec.tiedEmbedding);
    CHECK(back->spec.type == ElementType::BF16);
    CHECK(back->spec.parameters == model.spec.parameters);
    CHECK(back->head.stored().is_same(back->embedding.stored()));
    CHECK(at::equal(back->layers[1].down.weight.stored(),
                    model.layers[1].down.weight.stored().to(at::kBFloat16)));
    CHECK(at::equal(back->finalNorm.gain, model.finalNorm.gain.to(at::kBFloat16)));
}

TEST_CASE("llama2.c's interleaved rows come back half-split, tied and untied", "[core.model]") {
    const test::ScratchFolder scratch;
    const Model model = test::smallModel();
    for (const bool tied : {true, false}) {
        test::writeAll(scratch.path() / "m.bin", test::smallLlama2c(model, tied));
        const auto back = loadModel(scratch.path() / "m.bin");
        CHECK(back->spec.tiedEmbedding == tied);
        CHECK(back->spec.parameters == model.spec.parameters + (tied ? 0 : model.embedding.elements()));
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(at::equal(back->layers[i].query.weight.stored(), model.layers[i].query.weight.stored()));
            CHECK(at::equal(back->layers[i].key.weight.stored(), model.layers[i].key.weight.stored()));
            CHECK(at::equal(back->layers[i].up.weight.stored(), model.layers[i].up.weight.stored()));
            CHECK(at::equal(back->layers[i].down.weight.stored(), model.layers[i].down.weight.stored()));
        }
        CHECK(at::equal(back->head.stored(), model.head.stored()));
    }
}

TEST_CASE("A file that cannot be written leaves the old one and nothing else", "[core.model]") {
    const test::ScratchFolder scratch;
    CHECK_THROWS_WITH(writeFileAtomically(scratch.path() / "none" / "x", "text"),
                      Catch::Contains("cannot write"));
    writeFileAtomically(scratch.path() / "x", "old");
    writeFileAtomically(scratch.path() / "x", "new");
    CHECK(test::readAll(scratch.path() / "x") == "new");
    CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);
}
