#include "app/window/demo.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <string>

#include "app/window/bundled.h"
#include "app/window/demo_tour.h"
#include "app/window/offscreen.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

struct DemoOptions {
    std::string out, model, tokenizer, prompt, theme = "dark";
    std::vector<std::string> plans;
};

void runDemo(const DemoOptions& options) {
    if (options.plans.size() > 2)
        throw CLI::ValidationError("--plan", "the window shows two plans, give it at most twice");
    Offscreen screen;
    WindowOptions window;
    window.model = options.model.empty() ? firstModel() : std::filesystem::path(options.model);
    if (window.model.empty())
        throw std::runtime_error("no model is bundled here, name one with --model");
    window.tokenizer = options.tokenizer;
    window.prompt = options.prompt;
    window.planA = !options.plans.empty() ? options.plans[0] : "";
    window.planB = options.plans.size() > 1 ? options.plans[1] : "";
    makeFolder(options.out);
    DemoTour tour(window, options.out, options.theme != "light");
    tour.take();
}

} // namespace

void addDemoCommand(CLI::App& program) {
    auto options = std::make_shared<DemoOptions>();
    CLI::App* demo =
        program.add_subcommand("demo", "Draw the window and its tour into a folder, without a display");
    demo->add_option("--out", options->out, "Folder for the pictures, compare.csv and trace.json")
        ->required();
    demo->add_option("--theme", options->theme, "Of the single views: dark or light")
        ->check(CLI::IsMember({"dark", "light"}));
    demo->add_option("--model", options->model, "Model (default: the bundled one)");
    demo->add_option("--tokenizer", options->tokenizer,
                     "Tokenizer file (default: what lies beside the model)");
    demo->add_option("--prompt", options->prompt, "Prompt (default: the window's own)");
    demo->add_option("--plan", options->plans, "Plan A, and given again plan B")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    demo->callback([options] { runDemo(*options); });
}

} // namespace fovea
