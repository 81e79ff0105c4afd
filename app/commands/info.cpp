#include "app/commands/info.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iomanip>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "app/commands/default_model.h"
#include "app/commands/memory_budget.h"
#include "app/commands/run_options.h"
#include "app/commands/spec_text.h"
#include "app/commands/terminal.h"
#include "core/model/held_types.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/tokenizer.h"
#include "core/trace/byte_text.h"
#include "simulation/show_as.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    RunOptions run; // model, tokenizer, positions, memoryBudget and json are used
    std::string plan = "dense";
};

struct TokenizerFacts {
    int vocabulary = 0, bos = -1, eos = -1;
    std::vector<int> ends;
    std::string chat, chatNote; // the chat template's family, and what is not understood of it
};

struct Facts {
    ModelSpec spec;
    std::string plan;
    std::optional<TokenizerFacts> tokenizer;
    std::string tokenizerProblem; // why there is none
    std::int64_t weightBytes = 0; // parameters in the checkpoint's type
    std::vector<HeldType> types;  // that sum taken apart
    ProjectedStep first, full;    // at one token and at the whole context, by formula
    MemoryQuestion question;      // what generate would hold at `positions`
    MemoryEstimate memory;
    MemoryBudget budget;
};

Facts gather(const Options& options) {
    const AttentionPlan plan = parsePlan(options.plan);
    const std::filesystem::path path =
        options.run.model.empty() ? defaultModel() : std::filesystem::path(options.run.model);
    const auto model = loadModel(path);
    Facts facts{.spec = model->spec, .plan = toText(plan)};
    try {
        const auto tokenizer = loadTokenizer(path, options.run.tokenizer, model->spec.vocabulary);
        facts.tokenizer = TokenizerFacts{.vocabulary = tokenizer->vocabulary(),
                                         .bos = tokenizer->bos(),
                                         .eos = tokenizer->eos(),
                                         .ends = tokenizer->ends()};
        if (const auto chat = chatTemplateOf(path)) {
            facts.tokenizer->chat = chat->name();
            facts.tokenizer->chatNote = chat->note();
        }
    } catch (const CheckpointError& error) {
        if (!options.run.tokenizer.empty())
            throw; // asked for by name
        facts.tokenizerProblem = error.what();
    }
    facts.weightBytes = model->spec.weightBytes;
    facts.types = heldTypes(*model);
    const std::vector<std::int64_t> contexts = {1, model->spec.context};
    const Projection projection = showAs(plan, model->spec, contexts);
    facts.first = projection.steps.at(0);
    facts.full = projection.steps.at(1);
    facts.question.plans = {plan};
    facts.question.tokens = options.run.positions > 0
                                ? std::min<std::int64_t>(options.run.positions, model->spec.context)
                                : model->spec.context;
    facts.question.wholeContext = true;
    facts.memory = estimateMemory(model->spec, facts.question);
    facts.budget = parseMemoryBudget(options.run.memoryBudget);
    return facts;
}

Json tokenizerJson(const Facts& f) {
    if (!f.tokenizer)
        return {{"found", false}, {"problem", f.tokenizerProblem}};
    Json json = {{"found", true},
                 {"vocabulary", f.tokenizer->vocabulary},
                 {"bos", f.tokenizer->bos},
                 {"eos", f.tokenizer->eos},
                 {"ends", f.tokenizer->ends}};
    if (!f.tokenizer->chat.empty())
        json["chat_template"] = f.tokenizer->chat;
    if (!f.tokenizer->chatNote.empty())
        json["chat_template_problem"] = f.tokenizer->chatNote;
    return json;
}

double bitsPerWeight(const Facts& f) {
    return 8. * static_cast<double>(f.weightBytes) / static_cast<double>(f.spec.parameters);
}

Json weightsJson(const Facts& f) {
    Json types = Json::array();
    for (const HeldType& held : f.types)
        types.push_back({{"type", held.type},
                         {"tensors", held.tensors},
                         {"weights", held.elements},
                         {"bytes", held.bytes}});
    return {{"bits_per_weight", bitsPerWeight(f)}, {"types", types}};
}

// Summed tensor by tensor; nothing where all are of one type.
std::string typesText(const Facts& f) {
    if (f.types.size() < 2)
        return "";
    std::ostringstream out;
    out << "held as       " << std::setprecision(3) << bitsPerWeight(f) << " bits per weight: ";
    for (const HeldType& held : f.types)
        out << (&held == f.types.data() ? "" : ", ") << held.type << " " << byteText(held.bytes) << " in "
            << held.tensors << (held.tensors == 1 ? " tensor" : " tensors");
    out << "\n";
    return out.str();
}

std::string jsonOf(const Facts& f) {
    const ModelSpec& s = f.spec;
    const Json json = {
        {"model", s.name},
        {"architecture", s.architecture},
        {"shape",
         {{"layers", s.layers},
          {"width", s.width},
          {"query_heads", s.queryHeads},
          {"kv_heads", s.kvHeads},
          {"head_dim", s.headDim},
          {"ffn", s.ffn},
          {"vocabulary", s.vocabulary},
          {"context", s.context},
          {"rope_theta", s.rope.theta},
          {"norm_epsilon", s.normEpsilon},
          {"tied_embedding", s.tiedEmbedding}}},
        {"mathematics", mathematicsJson(s)},
        {"type", elementName(s.type)},
        {"parameters", s.parameters},
        {"memory",
         {{"weights_bytes", f.weightBytes},
          {"kv_at_full_context_bytes", f.full.held.attention()},
          {"positions", f.question.tokens},
          {"kv_reserved_bytes", f.memory.cache},
          {"run_bytes", f.memory.total()},
          {"budget_bytes", f.budget.bytes},
          {"within_budget", f.memory.total() <= f.budget.bytes}}},
        {"weights", weightsJson(f)},
        {"plan", f.plan},
        {"formula",
         {{"kv_bytes_per_token", f.first.held.attention()},
          {"weights_bytes_per_step", f.full.moved[Component::Weights]},
          {"attention_bytes_per_step_at_full_context", f.full.moved.attention()}}},
        {"tokenizer", tokenizerJson(f)}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string tokenizerText(const Facts& f) {
    if (!f.tokenizer)
        return "none: " + f.tokenizerProblem;
    return std::to_string(f.tokenizer->vocabulary) + " pieces, BOS " + std::to_string(f.tokenizer->bos) +
           ", EOS " + std::to_string(f.tokenizer->eos) +
           (f.tokenizer->chat.empty() ? "" : ", chat template: " + f.tokenizer->chat) +
           (f.tokenizer->chatNote.empty() ? "" : ", " + f.tokenizer->chatNote);
}

std::string textOf(const Facts& f) {
    const ModelSpec& s = f.spec;
    std::ostringstream out;
    out << "model         " << s.name << " (" << s.architecture << ")\n"
        << "shape         " << s.layers << " layers, width " << s.width << ", " << s.queryHeads
        << " query heads on " << s.kvHeads << " KV heads, head width " << s.headDim << ", FFN " << s.ffn
        << "\n"
        << "context       " << s.context << " tokens, " << positionText(s) << "\n"
        << "layer         " << blockText(s) << "\n"
        << (attentionText(s).empty() ? "" : "attention     " + attentionText(s) + "\n") << "vocabulary    "
        << s.vocabulary << (s.tiedEmbedding ? ", head tied to the embedding" : "") << "\n"
        << "parameters    " << s.parameters << " in " << elementName(s.type) << ", "
        << byteText(f.weightBytes) << "\n"
        << typesText(f) << "tokenizer     " << tokenizerText(f) << "\n"
        << "plan          " << f.plan << "\n"
        << "KV cache      " << byteText(f.first.held.attention()) << " for the first token, "
        << byteText(f.full.held.attention()) << " at full context (formula)\n"
        << "moved         " << byteText(f.full.moved[Component::Weights]) << " of parameters per token, and "
        << byteText(f.full.moved.attention()) << " by attention at full context (formula)\n"
        << "memory        " << memoryText(f.memory) << " reserved for " << f.question.tokens << " positions, "
        << (f.memory.total() <= f.budget.bytes ? "of a budget of " + f.budget.text
                                               : beyondText(s, f.question, f.budget))
        << "\n";
    return out.str();
}

} // namespace

void addInfoCommand(CLI::App& program) {
    auto* command = program.add_subcommand("info", "What a model is, and what one token of it costs");
    const auto options = std::make_shared<Options>();
    auto* named = command->add_option("--model", options->run.model, "As MODEL");
    command
        ->add_option("MODEL", options->run.model, "Folder, .gguf or .bin file (default: the bundled model)")
        ->excludes(named);
    command->add_option("--tokenizer", options->run.tokenizer,
                        "Tokenizer file (default: what lies beside the model)");
    command->add_option("--plan", options->plan, "Plan whose bytes to tell (default: dense)");
    command
        ->add_option("--positions", options->run.positions,
                     "Tokens whose memory to tell (default: the whole context)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{std::numeric_limits<std::int32_t>::max()}));
    addMemoryBudgetOption(*command, options->run.memoryBudget);
    command->add_flag("--json", options->run.json, "One JSON object on stdout and nothing else");
    command->callback([options] {
        const Facts facts = gather(*options);
        printResult(options->run.json ? jsonOf(facts) : textOf(facts));
    });
}

} // namespace fovea
