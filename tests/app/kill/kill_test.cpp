// "Killing the program at random moments of training, saving and exporting never leaves a file that does not
// open": fifty times, half of them aimed at the moments when something is being written.
#include <catch2/catch.hpp>

#include <fstream>

#include "core/trace/file_writer.h"
#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/app/commands/small_text.h"
#include "tests/app/kill/killed_program.h"
#include "tests/app/kill/left_files.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;

namespace {

constexpr int kTrainingKills = 26, kCompareKills = 12, kExportKills = 12; // fifty
constexpr int kSteps = 400;

struct Kills {
    int killed = 0, temporaries = 0, opened = 0;
};

// Kills it once more and opens what is there.
void killAndOpen(const KillOptions& options, Random& random, Kills& kills) {
    const KillResult result = runAndKill(options, random);
    INFO(contentOf(options.said));
    if (!result.killed)
        REQUIRE(result.status == 0);
    kills.killed += result.killed;
    const LeftFiles left = openAll(options.folder);
    kills.opened += left.opened;
    kills.temporaries += left.temporaries;
    INFO(left.broken);
    REQUIRE(left.broken.empty());
}

int temporariesIn(const std::filesystem::path& folder) {
    return openAll(folder).temporaries;
}

std::vector<std::string> command(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.begin(), FOVEA_PROGRAM);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

} // namespace

TEST_CASE("Killed while training and saving", "[app.kill]") {
    const TemporaryFolder folder;
    putContent(folder / "text.txt", smallTrainingText());
    const std::string text = (folder / "text.txt").string();
    const auto out = folder / "tiny", whole = folder / "whole";
    Random random(50);
    const auto begin =
        command(smallTraining(text, out.string(), kSteps), {"--json", "--save-every", "0", "--fresh"});
    const auto resume =
        command({"train", "--out", out.string()}, {"--json", "--save-every", "0", "--resume"});
    KillOptions options;
    options.folder = out;
    options.said = options.after =
        folder / "said"; // from its first word on: learning the vocabulary, going on
    Kills kills;
    int resumes = 0;
    for (int i = 0; kills.killed < kTrainingKills; ++i) {
        REQUIRE(i < 2 * kTrainingKills);
        const bool unfinished = std::filesystem::exists(out / "training.state");
        const bool anew = !unfinished || i % 13 == 6; // over a model and a state
        options.command = anew ? begin : resume;
        resumes += !anew;
        options.aimed = i % 2 == 1;
        options.mostSeconds = options.aimed ? 0.2 : anew ? 1.5 : 0.7;
        killAndOpen(options, random, kills);
    }
    CHECK(resumes > kTrainingKills / 2);
    WARN(kills.killed << " trainings killed, " << kills.temporaries << " of them left a temporary file, "
                      << kills.opened << " files opened");

    // And nothing was lost by it: the same weights as those of a training that nobody disturbed.
    const bool unfinished = std::filesystem::exists(out / "training.state");
    const ProcessResult last =
        fovea::fovea(unfinished ? std::vector<std::string>{"train", "--out", out.string(), "--resume",
                                                           "--save-every", "60"}
                                : smallTraining(text, out.string(), kSteps));
    INFO(last.err);
    REQUIRE(last.status == 0);
    REQUIRE(fovea::fovea(smallTraining(text, whole.string(), kSteps)).status == 0);
    CHECK(contentOf(out / "model.safetensors") == contentOf(whole / "model.safetensors"));
    CHECK(temporariesIn(out) == 0); // the last one cleared up
    CHECK_FALSE(std::filesystem::exists(out / "training.state"));
}

TEST_CASE("Killed while comparing", "[app.kill]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path(), true, 512).string();
    const auto out = folder / "out";
    Random random(51);
    KillOptions options;
    options.folder = out;
    options.said = folder / "said";
    options.command = command({"compare", "--model", model, "--prompt", "A", "--tokens", "300", "--plan",
                               "dense", "--plan", "read=sparq:r=4,k=16"},
                              {"--seed", "1", "--out", out.string()});
    Kills kills;
    const std::vector<std::filesystem::path> inOrder = {out / "compare.csv", out / "compare.json",
                                                        out / "trace.json"};
    for (int i = 0; kills.killed < kCompareKills; ++i) {
        REQUIRE(i < 3 * kCompareKills);
        // Its writing is a small part of its time, so that is where most are aimed: at the first, the second
        // or the third file. One in four comes anywhere, over what the one before left.
        const int file = i % 4;
        options.aimed = file < 3;
        options.after =
            file == 0 || file == 3 ? std::filesystem::path() : inOrder[static_cast<std::size_t>(file - 1)];
        options.mostSeconds = options.aimed ? 0 : 0.7;
        if (!options.after.empty())
            std::filesystem::remove(options.after);
        killAndOpen(options, random, kills);
    }
    WARN(kills.killed << " comparisons killed, " << kills.temporaries << " temporary files seen, "
                      << kills.opened << " files opened");
    REQUIRE(fovea::fovea({options.command.begin() + 1, options.command.end()}).status == 0);
    const LeftFiles left = openAll(out);
    CHECK(left.broken.empty());
    CHECK(left.opened == 3);
    CHECK(left.temporaries == 0);
}

TEST_CASE("Killed while the window exports", "[app.kill]") {
    const TemporaryFolder folder;
    const auto out = folder / "out";
    std::filesystem::create_directory(out);
    Random random(52);
    KillOptions options;
    options.folder = out;
    options.said = folder / "said";
    options.command = {FOVEA_EXPORT_LOOP, out.string()};
    options.after = out / "head_map.png";
    Kills kills;
    for (int i = 0; i < kExportKills; ++i) { // it never ends by itself
        std::filesystem::remove(options.after);
        options.aimed = i % 2 == 1;
        options.mostSeconds = 0.5;
        killAndOpen(options, random, kills);
    }
    CHECK(kills.killed == kExportKills);
    WARN(kills.killed << " exports killed, " << kills.temporaries << " temporary files seen, " << kills.opened
                      << " files opened");
    CHECK(removeLeftovers(out) <= 1); // each start cleared up after the one before
}
