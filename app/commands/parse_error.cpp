#include "app/commands/parse_error.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <vector>

#include "core/plan/accepted_words.h"
#include "core/plan/plan_words.h"

namespace fovea {

namespace {

// The verb that was given, and a verb's own.
const CLI::App* innermost(const CLI::App* app) {
    while (!app->get_subcommands().empty())
        app = app->get_subcommands().front();
    return app;
}

// "fovea bench attention"
std::string fullName(const CLI::App* app) {
    const CLI::App* parent = app->get_parent();
    return (parent ? fullName(parent) + " " : "") + app->get_name();
}

std::vector<std::string> verbsOf(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* verb : app.get_subcommands(std::function<bool(const CLI::App*)>()))
        names.push_back(verb->get_name());
    return names;
}

std::vector<std::string> optionsOf(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames())
            names.push_back("--" + name);
    return names;
}

std::string meant(const std::string& typed, const std::vector<std::string>& known) {
    const std::string closest = closestOf(typed, known);
    return closest.empty() ? "" : " (is " + closest + " meant?)";
}

// Of words that nothing takes, the first option; an option's value is left over behind it.
std::string unexpected(const CLI::App& program, const CLI::App& verb) {
    const std::vector<std::string> words = program.remaining(true);
    const auto option = std::find_if(words.begin(), words.end(),
                                     [](const std::string& word) { return word.starts_with('-'); });
    const std::string& word = option == words.end() ? words.front() : *option;
    const std::vector<std::string> verbs = verbsOf(verb);
    const bool isVerb = !word.starts_with('-') && !verbs.empty();
    return fovea::quoted(word) + " is nothing that " + fullName(&verb) + " takes" +
           meant(word, isVerb ? verbs : optionsOf(verb));
}

std::string verbMissing(const CLI::App& program, const CLI::App& verb) {
    const std::vector<std::string> verbs = verbsOf(verb), words = program.remaining(true);
    std::string text = fullName(&verb);
    if (words.empty())
        text += " needs to know what";
    else
        text = fovea::quoted(words.front()) + " is nothing that " + text + " takes" +
               meant(words.front(), verbs);
    text += "; accepted: ";
    for (std::size_t i = 0; i < verbs.size(); ++i)
        text += (i > 0 ? ", " : "") + verbs[i];
    return text;
}

// "Could not convert: --temperature = hot": all options that are converted are numbers.
std::string noNumber(std::string what) {
    const std::string begin = "Could not convert: ";
    if (!what.starts_with(begin))
        return what;
    what.erase(0, begin.size());
    if (const auto sign = what.find(" = "); sign != what.npos)
        what.replace(sign, 3, " ");
    return what + " is no number that it takes";
}

} // namespace

std::string parseErrorLine(const CLI::App& program, const CLI::ParseError& error) {
    const CLI::App* verb = innermost(&program);
    const auto isA = [&](CLI::ExitCodes code) { return error.get_exit_code() == static_cast<int>(code); };
    if (isA(CLI::ExitCodes::RequiredError) && !verbsOf(*verb).empty())
        return verbMissing(program, *verb);
    const std::string hint = " (" + fullName(verb) + " --help lists what there is)";
    if (isA(CLI::ExitCodes::ExtrasError) && !program.remaining(true).empty())
        return unexpected(program, *verb) + hint;
    return noNumber(error.what()) + hint;
}

} // namespace fovea
