#include <catch2/catch.hpp>

#include <set>
#include <string>

#include "simulation/model_shapes.h"

using namespace fovea;

TEST_CASE("Published shapes have the published number of parameters", "[simulation]") {
    const std::pair<const char*, std::int64_t> counts[] = {
        {"Llama-2-7B", 6'738'415'616},     {"Llama-2-13B", 13'015'864'320},
        {"Llama-2-70B", 68'976'648'192},   {"Llama-3.2-1B", 1'235'814'400},
        {"Llama-3.2-3B", 3'212'749'824},   {"Llama-3.1-8B", 8'030'261'248},
        {"Llama-3.1-70B", 70'553'706'496}, {"Llama-3.1-405B", 405'853'388'800},
        {"Mistral-7B", 7'241'732'096},
    };
    for (const auto& [name, parameters] : counts) {
        INFO(name);
        const ModelShape* shape = findModelShape(name);
        REQUIRE(shape);
        CHECK(shape->spec.parameters == parameters);
    }
    CHECK(modelShapes().size() == std::size(counts));
    CHECK(findModelShape("Llama-9") == nullptr);
}

TEST_CASE("Every published shape hangs together", "[simulation]") {
    std::set<std::string> names;
    for (const ModelShape& shape : modelShapes()) {
        const ModelSpec& s = shape.spec;
        INFO(s.name);
        CHECK(names.insert(s.name).second);
        CHECK(s.queryHeads % s.kvHeads == 0);
        CHECK(s.queryHeads * s.headDim == s.width);
        CHECK(s.context >= 4096);
        CHECK_FALSE(shape.source.empty());
    }
}
