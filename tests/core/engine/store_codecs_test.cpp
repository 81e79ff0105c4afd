#include "core/engine/store_codecs.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>

#include <memory>
#include <string>

#include "core/calibrate/codebook_file.h"
#include "core/plan/attention_plan.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

void learn(const std::filesystem::path& file, const Model& model, const LearntStore& store) {
    const at::Tensor blocks = at::arange(40, at::kLong).view({2, 20}) + 3;
    const KvRows rows = collectKvRows(model, blocks, rowsFor(store, false), {}, kGoOn);
    writeCodebooks(file, {.store = store,
                          .layers = learnCodebooks(rows, store, 7, {}, kGoOn),
                          .origin = {.modelFingerprint = modelFingerprint(model)}});
}

} // namespace

TEST_CASE("Codebooks under another store's name are refused, not read as that store's rows",
          "[core.engine]") {
    const TemporaryFolder folder;
    const auto model = std::make_shared<Model>(*test::randomModel());
    model->origin = folder.path();
    const CqParams asked{.channels = 2, .bits = 3}, wider{.channels = 2, .bits = 4};
    const auto file = codebooksPath(model->origin, asked);
    learn(file, *model, wider); // as a copied file has it
    try {
        storeCodecs(model, model->spec, asked);
        FAIL("codes of four bits were taken for three");
    } catch (const CheckpointError& error) {
        CHECK(error.what() ==
              file.string() +
                  ": holds codebooks of store=cq:channels=2,bits=4; make it again with fovea calibrate");
    }
    learn(file, *model, asked);
    const auto codecs = storeCodecs(model, model->spec, asked);
    CHECK(codecs->keys.size() == static_cast<std::size_t>(model->spec.layers * model->spec.kvHeads));
}
