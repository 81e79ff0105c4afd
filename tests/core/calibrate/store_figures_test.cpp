// What stores lose on the bundled model, by their truths: the papers' shapes, and with "[.figures]" the whole table.

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include "core/calibrate/level_clusters.h"
#include "core/calibrate/store_codebooks.h"
#include "core/calibrate/text_blocks.h"
#include "core/methods/store/kivi_truth.h"
#include "core/tasks/next_token.h"
#include "core/tasks/stored_attention.h"
#include "core/tokenizer/tokenizer.h"
#include "core/train/corpus.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;
const std::filesystem::path kStarter = FOVEA_SOURCE_DIR "/assets/models/fovea-starter";
const std::filesystem::path kText = FOVEA_SOURCE_DIR "/../shared/data/text/war_and_peace.txt";

// The starter on a text of which it has read the first 98 %: learnt from there, judged on the rest.
class Laboratory {
public:
    // `tokens` to learn from, and as many as `judged` to be judged by.
    Laboratory(std::int64_t tokens, std::size_t judged) {
        const std::string text = readTrainingText(kText);
        const std::size_t read = text.size() / 50 * 49;
        m_blocks = textBlocks(*m_tokenizer, std::string_view(text).substr(0, read),
                              {.blocks = tokens / 512, .length = 512});
        m_judged = m_tokenizer->encode(text.substr(read), false);
        m_judged.resize(std::min(judged, m_judged.size()));
    }

    const ModelSpec& spec() const { return m_model->spec; }

    double dense() const { return bitsPerCharacter(*m_model, *m_tokenizer, m_judged, 1024); }
    double bits(const StoreReading& reading) const {
        return bitsPerCharacter(*m_model, *m_tokenizer, m_judged, 1024, storedAttentionOf(spec(), reading));
    }

    StoreCodebooks learn(const LearntStore& store, bool weighted = true) {
        const KvRows& rows = rowsOf(store, weighted);
        return {.store = store, .layers = learnCodebooks(rows, store, 1, {}, kGoOn), .origin = {}};
    }
    double learnt(const LearntStore& store, bool weighted = true) {
        const StoreCodebooks books = learn(store, weighted);
        return bits(learntReading(spec(), books));
    }

private:
    const KvRows& rowsOf(const LearntStore& store, bool weighted) {
        KvRowsOptions options = rowsFor(store, weighted);
        const auto key = std::pair(options.skip, weighted);
        if (const auto known = m_rows.find(key); known != m_rows.end())
            return known->second;
        return m_rows[key] = collectKvRows(*m_model, m_blocks, options, {}, kGoOn);
    }

    std::shared_ptr<const Model> m_model = loadModel(kStarter);
    std::shared_ptr<const Tokenizer> m_tokenizer = loadTokenizer(kStarter, {}, m_model->spec.vocabulary);
    at::Tensor m_blocks;
    std::vector<int> m_judged;
    std::map<std::pair<std::int64_t, bool>, KvRows> m_rows;
};

// Keys alone rounded, as `round` does it after RoPE.
StoreReading keysBy(std::function<at::Tensor(const at::Tensor&)> round) {
    return {.read = [round = std::move(round)](int, const KvPair& rows) {
        return KvPair{round(rows.keys), rows.values};
    }};
}

// Uniform levels in the place of what was learnt.
StoreCodebooks uniform(StoreCodebooks books) {
    const at::Tensor even = at::tensor(evenLevels(std::get<KvquantParams>(books.store).levels()));
    for (LayerCodebooks& layer : books.layers)
        for (KvquantTable* table : {&layer.keyTable, &layer.valueTable})
            table->levels = table->read = even;
    return books;
}

KiviParams perChannel(int bits, int group) {
    return {.bits = bits, .group = group, .residual = 0};
}

} // namespace

TEST_CASE("Stores on the starter model, all figures", "[.figures]") {
    Laboratory lab(16384, 8192);
    const auto say = [](const std::string& what, double bits) {
        std::printf("%-60s %.3f\n", what.c_str(), bits);
        std::fflush(stdout);
    };
    say("dense", lab.dense());
    for (const int bits : {8, 4, 3, 2}) {
        const std::string b = std::to_string(bits);
        say("rtn KV" + b + " free",
            lab.bits(rtnReading({.bits = bits, .group = 128, .zero = RtnParams::Zero::Free})));
        say("rtn KV" + b + " clamped", lab.bits(rtnReading({.bits = bits, .group = 128})));
    }
    for (const int bits : {4, 3, 2})
        for (const int residual : {0, 32, 128})
            say("kivi b=" + std::to_string(bits) + " R=" + std::to_string(residual),
                lab.bits(kiviReading({.bits = bits, .group = 32, .residual = residual})));
    for (const int bits : {3, 2}) {
        const std::string b = "b=" + std::to_string(bits) + ": ";
        const KiviParams p = perChannel(bits, 32), whole = perChannel(bits, 1024);
        say("keys alone " + b + "per token",
            lab.bits(keysBy([=](const at::Tensor& k) { return kiviValues(k, p); })));
        say("keys alone " + b + "per channel, g=32",
            lab.bits(keysBy([=](const at::Tensor& k) { return kiviKeys(k, p); })));
        say("keys alone " + b + "per channel, whole window, after RoPE",
            lab.bits(keysBy([=](const at::Tensor& k) { return kiviKeys(k, whole); })));
        say("keys alone " + b + "per channel, whole window, before RoPE",
            lab.bits(
                keysBeforeRope(lab.spec(), [=](int, const at::Tensor& k) { return kiviKeys(k, whole); })));
    }
    for (const int bits : {4, 3, 2})
        for (const double outliers : {.01, 0.}) {
            KvquantParams p{.bits = bits, .outliers = outliers, .norm = false};
            const std::string b = "kvquant b=" + std::to_string(bits) + (outliers > 0 ? " 1 %" : " 0 %");
            const StoreCodebooks books = lab.learn(p);
            const StoreCodebooks even = uniform(books);
            say(b + " nuq", lab.bits(learntReading(lab.spec(), books)));
            say(b + " nuq, unweighted", lab.learnt(p, false));
            say(b + " uniform", lab.bits(learntReading(lab.spec(), even)));
            p.norm = true;
            say(b + " nuq, Q-Norm", lab.learnt(p));
            p.norm = false;
            p.exact = 0;
            say(b + " nuq, exact=0", lab.learnt(p));
        }
    for (const auto& [c, b] : {std::pair{2, 8}, {4, 8}, {8, 8}, {8, 10}})
        for (const bool weighted : {true, false}) {
            StoreCodebooks books = lab.learn(CqParams{.channels = c, .bits = b}, weighted);
            for (const int recent : {0, 32}) { // of which the codebooks know nothing
                std::get<CqParams>(books.store).recent = recent;
                say("cq " + std::to_string(c) + "c" + std::to_string(b) +
                        "b recent=" + std::to_string(recent) + (weighted ? ", weighted" : ", unweighted"),
                    lab.bits(learntReading(lab.spec(), books)));
            }
        }
}
