// What headers say of a model is what loading it finds.
#include "core/model/model_header.h"

#include <filesystem>

#include "core/model/model.h"
#include "tests/core/model/gguf_conversion.h"
#include "tests/core/model/small_checkpoint.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

void expectSame(const ModelSpec& header, const ModelSpec& loaded) {
    CHECK(header.name == loaded.name);
    CHECK(header.architecture == loaded.architecture);
    CHECK(header.layers == loaded.layers);
    CHECK(header.width == loaded.width);
    CHECK(header.queryHeads == loaded.queryHeads);
    CHECK(header.kvHeads == loaded.kvHeads);
    CHECK(header.headDim == loaded.headDim);
    CHECK(header.ffn == loaded.ffn);
    CHECK(header.vocabulary == loaded.vocabulary);
    CHECK(header.context == loaded.context);
    CHECK(header.tiedEmbedding == loaded.tiedEmbedding);
    CHECK(header.type == loaded.type);
    CHECK(header.parameters > 0);
    CHECK(header.parameters == loaded.parameters);
    CHECK(header.weightBytes == loaded.weightBytes);
}

} // namespace

TEST_CASE("A folder's headers say what loading it finds", "[core.model]") {
    const ScratchFolder folder;
    writeSmallFolder(folder.path());
    expectSame(readModelHeader(folder.path()), loadModel(folder.path())->spec);
}

TEST_CASE("A llama2.c file's header says what loading it finds, tied or not", "[core.model]") {
    const ScratchFolder folder;
    const Model model = smallModel();
    for (const bool tied : {true, false}) {
        const auto file = folder.path() / "model.bin";
        writeAll(file, smallLlama2c(model, tied));
        expectSame(readModelHeader(file), loadModel(file)->spec);
    }
}

TEST_CASE("A GGUF file's header says what loading it finds, whatever its blocks", "[core.model]") {
    const TemporaryFolder folder;
    const auto file = folder / "model.gguf";
    for (const GgufType type : {kF32, kF16, kBF16, kQ8_0, kQ4_K})
        for (const bool tied : {true, false}) {
            INFO("type " << type << ", tied " << tied);
            putContent(file, randomGguf({.tied = tied}, [&](const std::string&, std::int64_t columns) {
                                 return columns % 256 == 0 ? type : kF32;
                             }).whole());
            expectSame(readModelHeader(file), loadModel(file)->spec);
        }
}

TEST_CASE("A header that lies is refused in one line, without the weights being read", "[core.model]") {
    const ScratchFolder folder;
    const auto file = folder.path() / "model.bin";
    std::string bytes = smallLlama2c(smallModel(), true);
    writeAll(file, bytes.substr(0, bytes.size() - 4));
    CHECK_THROWS_WITH(readModelHeader(file), Catch::Contains("model.bin: its header promises"));
    writeAll(file, bytes.substr(0, 20));
    CHECK_THROWS_AS(readModelHeader(file), CheckpointError);
    CHECK_THROWS_AS(readModelHeader(folder.path() / "nothing"), CheckpointError);
    CHECK_THROWS_AS(readModelHeader(folder.path()), CheckpointError);
}
