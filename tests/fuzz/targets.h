#pragma once
// One function per reader. Each hands its reader the bytes, uses what was read in every way in which the
// program does, and says whether the reader accepted them. What escapes, and what a sanitizer sees, is a
// finding.

#include <span>
#include <string_view>

namespace fovea::fuzz {

bool readPlan(std::string_view bytes);
bool readSafetensors(std::string_view bytes);
// config.json alone.
bool readHuggingFaceConfig(std::string_view bytes);
// A whole folder: config.json, NUL, NUL, model.safetensors; or config.json, NUL, the index, NUL, a byte n,
// and two shards, the first of 16 n bytes: a.safetensors and b.safetensors.
bool readHuggingFaceFolder(std::string_view bytes);
bool readLlama2c(std::string_view bytes);
// The container: every metadata value and every tensor.
bool readGguf(std::string_view bytes);
// The same as a model, and as a vocabulary.
bool readGgufModel(std::string_view bytes);
bool readGgufVocabulary(std::string_view bytes);
bool readTokenizerJson(std::string_view bytes);
bool readSentencepiece(std::string_view bytes);
bool readLlama2cTokenizer(std::string_view bytes);
// A folder: vocab.json, NUL, merges.txt, NUL, tokenizer_config.json, NUL, special_tokens_map.json.
bool readTokenizerFolder(std::string_view bytes);
// A run or two as JSON; what is accepted must be read alike from what is written of it.
bool readRun(std::string_view bytes);
// A plan file of MoA; what is accepted must be read alike from what is written of it, and from a plan's text.
bool readMoa(std::string_view bytes);
// A chat template, and a conversation written by it.
bool readChatTemplate(std::string_view bytes);
// Codebooks of a store; the codecs that they make code a row and read it.
bool readCodebookFile(std::string_view bytes);
// What a study or a sweep goes on from.
bool readSweepTable(std::string_view bytes);
bool readStatisticsTable(std::string_view bytes);
// What a training goes on from, and what those who follow it read.
bool readTrainingState(std::string_view bytes);
bool readTrainingLog(std::string_view bytes);

struct Target {
    const char* name; // of its corpus, and of its program: fuzz_NAME
    bool (*read)(std::string_view bytes);
};

std::span<const Target> targets();

} // namespace fovea::fuzz
