#include <ATen/ops/full.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/calibrate/codebook_file.h"
#include "core/engine/store_codecs.h"
#include "core/methods/store/store.h"
#include "core/model/model.h"
#include "core/plan/learnt_store_text.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

// All that codebooks ask of a model. Its weights are halves, so that a seed's author knows its fingerprint.
Model modelOfHalves() {
    Model model;
    ModelSpec& spec = model.spec;
    spec.layers = 2, spec.width = 16, spec.queryHeads = 2, spec.kvHeads = 1, spec.headDim = 8;
    spec.ffn = 8, spec.vocabulary = 4, spec.context = 8;
    for (int layer = 0; layer < spec.layers; ++layer) {
        LayerWeights w;
        w.key = {at::full({8, 16}, .5)};
        w.value = {at::full({8, 16}, .5)};
        model.layers.push_back(w);
    }
    return model;
}

void useCodec(const RowCodec& codec, const MixedForm& form, int headDim) {
    const std::vector<float> row = {-2, -1, -.5F, 0, .25F, 1, 3, 1e30F};
    std::vector<std::byte> codes(static_cast<std::size_t>(form.sizes.codes));
    std::vector<std::byte> side(static_cast<std::size_t>(form.sizes.side));
    std::vector<float> back(static_cast<std::size_t>(headDim));
    const UncodedRow one[] = {{row.data(), 3, codes.data()}};
    codec.write(one, side.data());
    const CodedRow coded[] = {{codes.data(), side.data(), 3, back.data()}};
    codec.read(coded);
    codec.levels(one);
}

void useCodecs(const StoreCodebooks& books, const ModelSpec& spec) {
    const auto codecs = learntCodecs(books, spec);
    const auto form =
        mixedStore(std::visit([](const auto& p) { return Store(p); }, books.store), spec.headDim);
    for (const auto& codec : codecs->keys)
        useCodec(*codec, form->keys, spec.headDim);
    for (const auto& codec : codecs->values)
        useCodec(*codec, form->values, spec.headDim);
}

} // namespace

bool readCodebookFile(std::string_view bytes) {
    static const Model model = modelOfHalves();
    const MemoryFile file(bytes);
    std::optional<StoreCodebooks> books;
    if (!accepted([&] { books = readCodebooks(file.path(), model); }))
        return false;
    useCodecs(*books, model.spec);
    static const Folder folder;
    const auto again = folder.path() / "again.safetensors";
    writeCodebooks(again, *books);
    try {
        if (readCodebooks(again, model).store != books->store)
            throw Finding("codebooks of another store are read from what was written of them");
    } catch (const CheckpointError& error) {
        throw Finding(std::string("codebooks that were read are refused once they are written: ") +
                      error.what());
    }
    return true;
}

} // namespace fovea::fuzz
