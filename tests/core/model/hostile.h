#pragma once
// Files that lie: what every reader's tests do with them.

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "core/model/model.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

namespace fovea::test {

// A way to spoil a valid file, and a part of the line that must refuse it.
struct Hostile {
    const char* what;
    const char* expected;
    std::function<std::string(const std::string&)> spoil;
};

// `load` must throw one short line that names `path` and says `expected`.
inline void refused(const std::string& what, const std::filesystem::path& path, const std::string& expected,
                    const std::function<void()>& load) {
    INFO(what);
    try {
        load();
        FAIL_CHECK("accepted");
    } catch (const CheckpointError& error) {
        const std::string line = error.what();
        INFO(line);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line.find(path.filename().string()) != std::string::npos);
        CHECK(line.find(expected) != std::string::npos);
        CHECK(line.size() < 400);
    }
}

// A JSON file with one field more, or other, or less.
inline std::function<std::string(const std::string&)> set(const char* key, nlohmann::ordered_json value) {
    return [=](const std::string& file) {
        auto json = nlohmann::ordered_json::parse(file);
        json[key] = value;
        return json.dump();
    };
}

inline std::function<std::string(const std::string&)> without(const char* key) {
    return [=](const std::string& file) {
        auto json = nlohmann::ordered_json::parse(file);
        json.erase(key);
        return json.dump();
    };
}

} // namespace fovea::test
