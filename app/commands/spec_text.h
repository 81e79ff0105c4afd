#pragma once
// What a model's spec says about its mathematics, in words and as JSON.

#include <nlohmann/json.hpp>
#include <string>

namespace fovea {

struct ModelSpec;

// "RoPE base 500000, llama3 scaling by 8 from 8192 tokens"
std::string positionText(const ModelSpec& spec);
// "RMS norm, SiLU-gated feed-forward, bias on query, key and value"
std::string blockText(const ModelSpec& spec);
// "sees 4096 tokens in 16 of 32 layers, logits within 50", or empty where nothing is out of the ordinary.
std::string attentionText(const ModelSpec& spec);

nlohmann::ordered_json mathematicsJson(const ModelSpec& spec);

} // namespace fovea
