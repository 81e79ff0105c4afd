#include <catch2/catch.hpp>

#include "app/window/command_text.h"
#include "app/window/document.h"
#include "app/window/loaded_model.h"
#include "app/window/run_job.h"
#include "tests/app/window/window_fixture.h"

using namespace fovea;
using namespace fovea::test;

namespace {

AttentionPlan sparq(int r, int k) {
    AttentionPlan plan;
    plan.read = SparqParams{.components = r, .tokens = k};
    return plan;
}

struct Opened {
    TemporaryFolder folder;
    Document document;
    Opened() {
        writeTinyModel(folder.path());
        document.start("abc", std::nullopt, sparq(2, 8));
        document.open(openModel(folder / "model.bin"));
    }
};

} // namespace

TEST_CASE("A drag is one undo step, the next drag another", "[window]") {
    Opened opened;
    Document& d = opened.document;
    for (int k = 9; k < 30; ++k)
        REQUIRE(d.editPlan(Side::B, sparq(2, k), "k").isEmpty());
    d.endGesture();
    for (int k = 30; k < 40; ++k)
        d.editPlan(Side::B, sparq(2, k), "k");
    CHECK(d.undoStack().count() == 2);
    d.undoStack().undo();
    CHECK(d.plan(Side::B) == sparq(2, 29));
    d.undoStack().undo();
    CHECK(d.plan(Side::B) == sparq(2, 8));
    d.undoStack().redo();
    CHECK(d.plan(Side::B) == sparq(2, 29));
}

TEST_CASE("Two parameters in one breath are two steps; a drag that comes back is none", "[window]") {
    Opened opened;
    Document& d = opened.document;
    d.editPlan(Side::B, sparq(3, 8), "r");
    d.editPlan(Side::B, sparq(3, 9), "k");
    CHECK(d.undoStack().count() == 2);
    d.undoStack().undo();
    d.undoStack().undo();
    d.endGesture();
    d.editPlan(Side::B, sparq(4, 8), "r");
    d.editPlan(Side::B, sparq(2, 8), "r");
    CHECK(d.undoStack().count() == 0);
    CHECK(d.plan(Side::B) == sparq(2, 8));
}

TEST_CASE("A plan that cannot run changes nothing and answers with a sentence", "[window]") {
    Opened opened;
    Document& d = opened.document;
    const auto version = d.version();
    CHECK_FALSE(d.editPlan(Side::B, sparq(9, 8), "r").isEmpty()); // heads are 8 wide
    CHECK(d.editPlanText(Side::B, "read=sparkle").contains("sparkle"));
    CHECK(d.plan(Side::B) == sparq(2, 8));
    CHECK(d.version() == version);
    CHECK(d.undoStack().count() == 0);
}

TEST_CASE("A prompt beyond the context is refused with its length", "[window]") {
    Opened opened;
    Document& d = opened.document;
    CHECK(d.editPrompt(std::string(400, 'x')).contains("256"));
    CHECK(d.prompt() == "abc");
    CHECK(d.editPrompt("abcdef").isEmpty());
    CHECK(d.promptTokens().size() > 4);
    d.undoStack().undo();
    CHECK(d.prompt() == "abc");
}

TEST_CASE("The copied command survives a shell", "[window]") {
    CHECK(shellQuoted("read=sparq:r=8,k=64") == "read=sparq:r=8,k=64");
    CHECK(shellQuoted("it's") == "'it'\\''s'");
    CHECK(shellQuoted("") == "''");
    CHECK(shellQuoted("a $HOME `b`") == "'a $HOME `b`'");
    CHECK(shellQuoted("two\nlines") == "'two\nlines'");
    RunRequest request;
    request.prompt = "the old count";
    request.planB = sparq(2, 8);
    request.settings.tokens = 12;
    request.settings.decodeFrom = 3;
    request.settings.sampler = {};
    CHECK(compareCommand(request) ==
          "./run compare --prompt 'the old count' --plan dense --plan read=sparq:r=2,k=8 "
          "--tokens 12 --decode-from 3 --ignore-eos --out comparison");
    request.settings.sampler = {.temperature = 0.6f, .topP = 0.9f, .seed = 7};
    CHECK(compareCommand(request).find(" --temperature 0.6 --top-p 0.9 --seed 7 ") != std::string::npos);
}
