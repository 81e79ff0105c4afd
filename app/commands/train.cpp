#include "app/commands/train.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <type_traits>

#include "app/commands/interrupt.h"
#include "app/commands/terminal.h"
#include "app/commands/usage_error.h"
#include "core/train/train.h"
#include "core/train/train_options.h"

namespace fovea {

namespace {

struct Options {
    TrainOptions train;
    std::vector<std::string> text;
    std::string out;
    bool resume = false, fresh = false;
    bool json = false;
};

// One line that rewrites itself on a terminal; elsewhere a line every hundred steps.
class TrainingLine {
public:
    ~TrainingLine() { clear(); }
    TrainingLine() = default;
    TrainingLine(const TrainingLine&) = delete;
    TrainingLine& operator=(const TrainingLine&) = delete;

    void show(const TrainProgress& p) {
        if (!p.entry.empty())
            return; // for machines
        if (!p.note.empty()) {
            clear();
            std::fprintf(stderr, "%s\n", p.note.c_str());
        } else if (p.step % (m_terminal ? 5 : 100) == 0) {
            clear();
            std::fprintf(stderr,
                         "%3.0f %%  step %lld  %.2f M tokens  sequence %d  loss %.3f  %.1f k tokens/s  "
                         "%.0f min left%s",
                         100 * p.done, static_cast<long long>(p.step), static_cast<double>(p.tokens) / 1e6,
                         p.sequence, p.loss, p.tokensPerSecond / 1e3, p.secondsLeft / 60,
                         m_terminal ? "" : "\n");
            m_open = m_terminal;
        }
        std::fflush(stderr);
    }

private:
    void clear() {
        if (m_open)
            std::fputs("\r\x1b[K", stderr);
        m_open = false;
    }

    const bool m_terminal = ::isatty(STDERR_FILENO) == 1;
    bool m_open = false;
};

// The model card repeats the command, without the folders of this machine.
std::string commandOf(const TrainOptions& o) {
    std::ostringstream out;
    out << "fovea train";
    for (const auto& file : o.text)
        out << " --text " << file.filename().string();
    out << " --out " << o.out.filename().string();
    if (o.tokens > 0)
        out << " --tokens " << o.tokens;
    else
        out << " --minutes " << o.minutes;
    out << " --seed " << o.seed << " --vocabulary " << o.vocabulary << " --width " << o.width << " --layers "
        << o.layers << " --heads " << o.heads << " --kv-heads " << o.kvHeads << " --ffn " << o.ffn
        << " --context " << o.context << " --rate " << o.learningRate << " --batch-tokens " << o.batchTokens;
    if (o.accumulate > 1)
        out << " --accumulate " << o.accumulate;
    if (o.keepBest)
        out << " --validate-every " << o.validateEvery << " --keep-best";
    return out.str();
}

std::string jsonNote(const std::string& text) {
    const nlohmann::ordered_json json = {{"kind", "note"}, {"text", text}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::ordered_json jsonOf(const std::optional<HeldOutLoss>& loss) {
    if (!loss)
        return nullptr;
    return {{"step", loss->step}, {"tokens", loss->tokens}, {"loss", loss->loss}};
}

std::string jsonOf(const TrainOptions& o, const TrainResult& r) {
    const nlohmann::ordered_json json = {{"model", o.out.string()},
                                         {"steps", r.steps},
                                         {"tokens", r.tokens},
                                         {"seconds", r.seconds},
                                         {"loss", r.loss},
                                         {"held_out", jsonOf(r.heldOut)},
                                         {"lowest_held_out", jsonOf(r.best)},
                                         {"sittings", r.sittings},
                                         {"ended_early", r.cancelled}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string textOf(const TrainOptions& o, const TrainResult& r) {
    char text[240], heldOut[80] = "";
    if (r.heldOut && r.best)
        std::snprintf(heldOut, sizeof heldOut, ", held-out %.3f (lowest %.3f)", r.heldOut->loss,
                      r.best->loss);
    std::snprintf(text, sizeof text, "%s%.2f M tokens in %.1f min, loss %.3f%s: ",
                  r.cancelled ? "ended early, saved and not measured, --resume goes on: " : "",
                  static_cast<double>(r.tokens) / 1e6, r.seconds / 60, r.loss, heldOut);
    return text + o.out.string() + "\n";
}

// An unfinished training knows its own options: what is not given is taken from there.
void takeSavedOptions(TrainOptions& options, const CLI::App& command) {
    const std::optional<TrainOptions> saved = unfinishedTraining(options.out);
    if (!saved)
        throw std::runtime_error(options.out.string() +
                                 ": no unfinished training is there; leave --resume out to begin one");
    TrainOptions merged = *saved;
    const TrainOptions given = options;
    const auto copyGiven = [&](const char* name, auto& to, const auto& from) {
        if (command.get_option(std::string("--") + name)->count() > 0)
            to = from;
    };
    forEachTrainOption(merged, [&](const char* name, auto& to, bool) {
        forEachTrainOption(given, [&](std::string_view other, const auto& from, bool) {
            if constexpr (std::is_same_v<std::decay_t<decltype(to)>, std::decay_t<decltype(from)>>)
                if (other == name)
                    copyGiven(name, to, from);
        });
    });
    merged.begin = Begin::Resume;
    merged.out = options.out;
    options = merged;
}

void run(Options& options, const CLI::App& command) {
    TrainOptions& o = options.train;
    o.text.assign(options.text.begin(), options.text.end());
    o.out = options.out;
    if (!o.out.has_filename())
        o.out = o.out.parent_path();
    if (options.resume)
        takeSavedOptions(o, command);
    else if (o.text.empty())
        throw UsageError("--text is required, unless --resume is given");
    else
        o.begin = options.fresh ? Begin::Fresh : Begin::New;
    o.command = commandOf(o);
    std::signal(SIGPIPE, SIG_IGN); // whoever watched may be gone; what is learnt is not
    TrainingLine line;
    const TrainObserver observer = [&](const TrainProgress& p) {
        if (!options.json)
            line.show(p);
        else if (!p.entry.empty())
            std::fprintf(stderr, "%s\n", p.entry.c_str());
        else if (!p.note.empty())
            std::fprintf(stderr, "%s\n", jsonNote(p.note).c_str());
    };
    try {
        const TrainResult result = train(o, observer, watchInterrupt());
        printResult(options.json ? jsonOf(o, result) : textOf(o, result));
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

} // namespace

void addTrainCommand(CLI::App& program) {
    auto* command =
        program.add_subcommand("train", "Make a small model out of text; Ctrl-C ends it early and saves");
    const auto options = std::make_shared<Options>();
    TrainOptions& o = options->train;
    command->add_option("--text", options->text, "Text file to learn from; may be given again");
    command->add_option("--out", options->out, "Folder to write the model to; its name is the model's")
        ->required();
    command->add_option("--minutes", o.minutes, "Wall clock")->capture_default_str();
    command->add_option("--tokens", o.tokens,
                        "Number of tokens, instead of minutes: repeatable with the same seed");
    command->add_option("--seed", o.seed, "Of the weights and the sequences")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    command->add_option("--vocabulary", o.vocabulary, "Pieces of the tokenizer")->capture_default_str();
    command->add_option("--width", o.width, "Residual stream")->capture_default_str();
    command->add_option("--layers", o.layers, "Layers")->capture_default_str();
    command->add_option("--heads", o.heads, "Query heads")->capture_default_str();
    command->add_option("--kv-heads", o.kvHeads, "Divides the query heads")->capture_default_str();
    command->add_option("--ffn", o.ffn, "Inner width of the SwiGLU")->capture_default_str();
    command->add_option("--context", o.context, "Longest sequence, a power of two")->capture_default_str();
    command->add_option("--rate", o.learningRate, "Peak learning rate")->capture_default_str();
    command->add_option("--batch-tokens", o.batchTokens, "Tokens per step")->capture_default_str();
    command
        ->add_option("--accumulate", o.accumulate,
                     "Parts a step's tokens are taken in: less memory, the same step")
        ->capture_default_str();
    command->add_option("--threads", o.threads, "0: all of the machine's")->capture_default_str();
    command
        ->add_option("--save-every", o.saveSeconds,
                     "Seconds between states, from which a training that was killed is resumed")
        ->capture_default_str();
    command
        ->add_option("--validate-every", o.validateEvery, "Steps between losses on held-out text; 0: never")
        ->capture_default_str();
    command->add_flag("--keep-best", o.keepBest,
                      "End with the weights of the lowest held-out loss, not with the last");
    CLI::Option* resume = command->add_flag(
        "--resume", options->resume,
        "Go on exactly where the unfinished training in --out stood; its options need not be repeated");
    command->add_flag("--fresh", options->fresh, "Throw an unfinished training in --out away and begin anew")
        ->excludes(resume);
    command->add_flag("--json", options->json, "One JSON object on stdout; progress as JSON lines on stderr");
    command->callback([options, command] { run(*options, *command); });
}

} // namespace fovea
