#pragma once
// A GGUF file put together piece by piece, right or wrong as the test wants it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/gguf.h"

namespace fovea::test {

template <class T>
std::string rawBytes(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

// A length, then the bytes.
inline std::string ggufText(const std::string& text) {
    return rawBytes(std::uint64_t{text.size()}) + text;
}

struct GgufBytes {
    struct Tensor {
        std::string name;
        std::vector<std::uint64_t> shape; // as the file has it: fastest first
        std::uint32_t type = 0;           // as the format numbers them
        std::string data;
        std::optional<std::uint64_t> offset; // after the tensor before, unless said
    };

    std::string magic = "GGUF";
    std::uint32_t version = 3;
    std::optional<std::uint64_t> pairCount, tensorCount;
    std::vector<std::string> pairs;
    std::vector<Tensor> tensors;
    std::uint64_t alignment = 32;

    // Any value, encoded.
    GgufBytes& pair(const std::string& key, GgufValueType type, const std::string& value) {
        pairs.push_back(ggufText(key) + rawBytes(static_cast<std::uint32_t>(type)) + value);
        return *this;
    }
    GgufBytes& pair(const std::string& key, const std::string& value) {
        return pair(key, GgufValueType::String, ggufText(value));
    }
    GgufBytes& pair(const std::string& key, const char* value) { return pair(key, std::string(value)); }
    GgufBytes& pair(const std::string& key, std::uint32_t value) {
        return pair(key, GgufValueType::Uint32, rawBytes(value));
    }
    GgufBytes& pair(const std::string& key, float value) {
        return pair(key, GgufValueType::Float32, rawBytes(value));
    }
    GgufBytes& pair(const std::string& key, bool value) {
        return pair(key, GgufValueType::Bool, rawBytes(static_cast<std::uint8_t>(value)));
    }
    GgufBytes& array(const std::string& key, GgufValueType type, std::uint64_t count,
                     const std::string& data) {
        return pair(key, GgufValueType::Array,
                    rawBytes(static_cast<std::uint32_t>(type)) + rawBytes(count) + data);
    }
    GgufBytes& array(const std::string& key, const std::vector<std::string>& texts) {
        std::string data;
        for (const std::string& text : texts)
            data += ggufText(text);
        return array(key, GgufValueType::String, texts.size(), data);
    }
    // Drops a pair again, so that another can take its place.
    GgufBytes& without(const std::string& key) {
        std::erase_if(pairs, [&](const std::string& text) { return text.starts_with(ggufText(key)); });
        return *this;
    }
    Tensor& tensor(const std::string& name) {
        for (Tensor& tensor : tensors)
            if (tensor.name == name)
                return tensor;
        return tensors.emplace_back(Tensor{name, {}, 0, {}, {}});
    }

    std::string header() const {
        std::string out = magic + rawBytes(version) + rawBytes(tensorCount.value_or(tensors.size())) +
                          rawBytes(pairCount.value_or(pairs.size()));
        for (const std::string& text : pairs)
            out += text;
        std::uint64_t next = 0;
        for (const Tensor& tensor : tensors) {
            out += ggufText(tensor.name) + rawBytes(static_cast<std::uint32_t>(tensor.shape.size()));
            for (const std::uint64_t n : tensor.shape)
                out += rawBytes(n);
            out += rawBytes(tensor.type) + rawBytes(tensor.offset.value_or(next));
            next = aligned(next + tensor.data.size());
        }
        return out;
    }
    std::string whole() const {
        std::string out = header();
        for (const Tensor& tensor : tensors) {
            out.resize(aligned(out.size()), '\0');
            out += tensor.data;
        }
        return out;
    }

private:
    std::uint64_t aligned(std::uint64_t at) const { return (at + alignment - 1) / alignment * alignment; }
};

} // namespace fovea::test
