#pragma once
// A model opened for the window: weights, tokenizer and shape together, so that none is ever shown without
// the others. Immutable; shared by the document and the jobs that run it.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/memory_estimate.h"
#include "core/model/model_spec.h"

namespace fovea {

struct Model;
class ChatTemplate;
class Tokenizer;

struct LoadedModel {
    std::filesystem::path path;
    ModelSpec spec;
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::shared_ptr<const ChatTemplate> chat; // null where the model has none
};

// Reads checkpoint and tokenizer. Throws CheckpointError with one line; nothing is kept of a failed try.
std::shared_ptr<const LoadedModel> openModel(const std::filesystem::path& path,
                                             const std::filesystem::path& tokenizer = {});

// The template of the tokenizer's files, else of the model's; null where there is none, or a broken one, for want of
// which a model is still a model.
std::shared_ptr<const ChatTemplate> chatTemplateFor(const std::filesystem::path& model,
                                                    const std::filesystem::path& tokenizer);

// What is to be opened, and what the run that follows shall be like where the user chose to hold less.
struct OpenRequest {
    std::filesystem::path path, tokenizer;
    bool accepted = false; // the user knows what it will hold
    std::optional<MemoryOffer> offer;
};

// "fovea-mini · 8 layers · 8 heads / 2 KV"
std::string describe(const ModelSpec& spec);

// Checkpoints in the folder `models`, files and folders, sorted by name.
std::vector<std::filesystem::path> modelsIn(const std::filesystem::path& models);

} // namespace fovea
