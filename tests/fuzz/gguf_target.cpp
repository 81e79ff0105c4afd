#include <span>

#include "core/model/gguf.h"
#include "core/model/gguf/checkpoint.h"
#include "core/model/model.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

// Every question to every value, whether or not it is of that kind.
void ask(const GgufValue& value) {
    const bool array = value.type() == GgufValueType::Array;
    const auto strings = value.strings();
    if (array && strings && strings->size() != value.count())
        throw Finding("an array of strings of another length than it says");
    if (const auto integers = value.integers(); integers && integers->size() != value.count())
        throw Finding("an array of integers of another length than it says");
    value.numbers();
    value.booleans();
    value.integer();
    value.number();
    value.boolean();
    value.string();
}

} // namespace

bool readGguf(std::string_view bytes) {
    return accepted([&] {
        const GgufFile file("model.gguf", std::as_bytes(std::span(bytes)));
        for (const auto& [key, value] : file.metadata())
            ask(value);
        std::size_t sum = 0;
        for (const auto& [name, tensor] : file.tensors()) {
            for (const std::byte byte : file.bytes(tensor)) // all of it is there
                sum += static_cast<std::size_t>(byte);
            if (tensor.weights() <= 0 || tensor.typeName().empty())
                throw Finding("a tensor without weights or without a type");
        }
        if (sum > 255 * bytes.size())
            throw Finding("tensors that lie upon one another");
    });
}

bool readGgufModel(std::string_view bytes) {
    const MemoryFile file(bytes);
    return accepted([&] {
        const auto model = fovea::readGguf(file.path());
        if (model->spec.layers != static_cast<int>(model->layers.size()))
            throw Finding("a model without the layers that its shape has");
        for (const LayerWeights& layer : model->layers) // blocks of every kind, decoded
            layer.down.weight.to(at::kFloat);
    });
}

} // namespace fovea::fuzz
