// Every method of the CPU kernels against its truth, over the one list of cases.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "tests/core/kernels/attention_cases.h"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

using Sight = AttentionCase::Sight;

bool holds(const std::vector<std::int32_t>& list, std::int64_t i) {
    return std::binary_search(list.begin(), list.end(), static_cast<std::int32_t>(i));
}

// Distinct, in order, with what is chosen by right; and nothing that was left out is worth more than the worst of them
// by more than rounding can explain.
void checkChoice(const CaseTruth& truth, const std::vector<std::int32_t>& chosen) {
    REQUIRE(std::ssize(chosen) == truth.wanted);
    REQUIRE(std::adjacent_find(chosen.begin(), chosen.end(), std::greater_equal<>()) == chosen.end());
    for (const std::int32_t right : truth.always)
        REQUIRE(holds(chosen, right));
    const at::Tensor score = truth.score.contiguous();
    double worst = std::numeric_limits<double>::infinity(), best = -worst;
    for (std::int64_t i = 0; i < score.size(0); ++i) {
        const double value = score.data_ptr<double>()[i];
        if (!holds(chosen, i))
            best = std::max(best, value);
        else if (!holds(truth.always, i))
            worst = std::min(worst, value);
    }
    REQUIRE(best <= worst + 2 * truth.scoreBound);
}

// The output of the heads of the i-th view.
std::span<const float> outputOf(const AttentionCase& c, const AttentionResult& result, std::int64_t i) {
    const auto n = static_cast<std::size_t>(c.group() * c.headDim);
    return std::span(result.out).subspan(static_cast<std::size_t>(i) * n, n);
}

void checkView(const AttentionCase& c, const AttentionCaseState& state, const AttentionResult& result, std::int64_t i) {
    const std::vector<std::int32_t> chosen =
        result.chosen.empty() ? std::vector<std::int32_t>{} : result.chosen[static_cast<std::size_t>(i)];
    const CaseTruth truth = truthOf(c, state, i, chosen);
    if (truth.score.defined())
        checkChoice(truth, chosen);
    const at::Tensor expected = truth.output.contiguous();
    const std::span<const float> out = outputOf(c, result, i);
    double worst = 0;
    for (std::size_t x = 0; x < out.size(); ++x) {
        const double error = std::fabs(static_cast<double>(out[x]) - expected.data_ptr<double>()[x]);
        worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
    }
    REQUIRE(worst <= truth.bound);
    if (c.sight != Sight::Reported)
        return;
    const at::Tensor heard = truth.heard.contiguous();
    const std::vector<float>& told = result.heard[static_cast<std::size_t>(i)];
    REQUIRE(std::ssize(told) == heard.numel());
    for (std::size_t s = 0; s < told.size(); ++s)
        REQUIRE(static_cast<double>(told[s]) ==
                Approx(heard.data_ptr<double>()[s]).epsilon(2e-4).margin(1e-7 * c.group()));
}

// Kernels that read a mixed store's codes themselves give what those give that have its rows read.
void checkRevealed(const AttentionCase& c, AttentionCaseState& state, cpu::AttentionScratch& scratch,
                   const AttentionResult& before) {
    state.reveal(true);
    const AttentionResult result = state.run(scratch);
    state.reveal(false);
    for (std::int64_t i = 0; i < state.views(); ++i) {
        INFO("KV head " << i << ", its codes read as they lie");
        checkView(c, state, result, i);
    }
    REQUIRE(result.moved == before.moved);
}

// What nobody reads, or sees, may be infinite.
void spoilUnread(const AttentionCase& c, AttentionCaseState& state, const AttentionResult& result) {
    const auto* quest = std::get_if<QuestParams>(&c.plan.read);
    for (std::int64_t i = 0; i < state.views(); ++i) {
        const at::Tensor seen = state.seen(i);
        for (std::int64_t slot = 0; slot < state.view(i).slots; ++slot) {
            const bool nobody = seen.defined() && !seen.select(1, slot).any().item<bool>();
            const bool read = result.chosen.empty() ||
                              holds(result.chosen[static_cast<std::size_t>(i)], quest ? slot / quest->page : slot);
            if (nobody || !read)
                state.spoil(i, slot, nobody || !std::holds_alternative<TopvParams>(c.plan.read), true);
        }
    }
}

// One slot that some heads of a group see and others do not becomes infinite: the latter do not notice.
void checkUnseen(const AttentionCase& c, AttentionCaseState& state, cpu::AttentionScratch& scratch,
                 const AttentionResult& before) {
    std::vector<std::int64_t> spoiled(static_cast<std::size_t>(state.views()), -1);
    for (std::int64_t i = 0; i < state.views(); ++i) {
        const at::Tensor seen = state.seen(i);
        if (!seen.defined())
            continue;
        const at::Tensor some = seen.any(0).logical_and(seen.all(0).logical_not()).nonzero().flatten();
        if (some.numel() == 0)
            continue;
        const std::int64_t slot = some[some.numel() / 2].item<std::int64_t>();
        spoiled[static_cast<std::size_t>(i)] = slot;
        state.spoil(i, slot, !std::holds_alternative<TopvParams>(c.plan.read), true);
    }
    const AttentionResult after = state.run(scratch);
    for (std::int64_t i = 0; i < state.views(); ++i)
        for (int h = 0; h < c.group(); ++h) {
            const std::int64_t slot = spoiled[static_cast<std::size_t>(i)];
            if (slot >= 0 && state.seen(i)[h][slot].item<bool>())
                continue;
            const auto d = static_cast<std::size_t>(c.headDim), first = static_cast<std::size_t>(h) * d;
            const auto was = outputOf(c, before, i).subspan(first, d), is = outputOf(c, after, i).subspan(first, d);
            REQUIRE(std::equal(was.begin(), was.end(), is.begin()));
        }
}

std::string_view methodOfStore(const Store& store) {
    if (const auto learnt = learntStore(store))
        return learntStoreName(*learnt);
    if (std::holds_alternative<KiviParams>(store))
        return "kivi";
    return storesCodes(store) ? "rtn" : "floats";
}

} // namespace

TEST_CASE("Every read on the CPU is its truth, over all heads, widths, lengths, batches, stores and sights",
          "[core.kernels]") {
    cpu::AttentionScratch scratch; // one for all: nothing of a step is left for the next
    const int threads = at::get_num_threads();
    std::uint32_t seed = 0;
    for (const AttentionCase& c : attentionCases()) {
        INFO(c.text());
        AttentionCaseState state(c, ++seed);
        at::set_num_threads(1);
        const AttentionResult result = state.run(scratch);
        for (std::int64_t i = 0; i < state.views(); ++i) {
            INFO("KV head " << i << " of the batch, which holds " << state.view(i).slots);
            checkView(c, state, result, i);
        }
        Traffic moved = result.moved;
        if (c.sight == Sight::Reported) // what a report costs more
            moved[Component::Scores] = state.predicted(result)[Component::Scores];
        REQUIRE(moved == state.predicted(result));
        if (mixedStore(c.plan.store, c.headDim))
            checkRevealed(c, state, scratch, result);

        at::set_num_threads(3);
        spoilUnread(c, state, result);
        const AttentionResult again = state.run(scratch);
        at::set_num_threads(threads);
        REQUIRE(again.out == result.out);
        REQUIRE(again.chosen == result.chosen);
        REQUIRE(again.moved == result.moved);
        checkUnseen(c, state, scratch, result);
    }
}

namespace {

// Outputs are NaN where the truth's are; how many heads' are.
int checkBroken(const AttentionCase& c, AttentionCaseState& state, cpu::AttentionScratch& scratch) {
    const AttentionResult result = state.run(scratch);
    int broken = 0;
    for (std::int64_t i = 0; i < state.views(); ++i) {
        const auto chosen =
            result.chosen.empty() ? std::vector<std::int32_t>() : result.chosen[static_cast<std::size_t>(i)];
        const at::Tensor expected = truthOf(c, state, i, chosen).output.contiguous();
        const std::span<const float> out = outputOf(c, result, i);
        for (std::size_t x = 0; x < out.size(); ++x)
            REQUIRE(std::isnan(out[x]) == std::isnan(expected.data_ptr<double>()[x]));
        broken += std::isnan(out[0]);
    }
    return broken;
}

} // namespace

TEST_CASE("A key that is no number reaches every head that reads it, of every store", "[core.kernels]") {
    cpu::AttentionScratch scratch;
    std::map<std::string, int> broken; // by read, and by store
    std::uint32_t seed = 0;
    for (AttentionCase c : attentionCases()) {
        c.keys = AttentionCase::Keys::Broken;
        INFO(c.text());
        AttentionCaseState state(c, ++seed);
        const std::string store(methodOfStore(c.plan.store));
        broken["read " + std::to_string(c.plan.read.index())] += checkBroken(c, state, scratch);
        if (!mixedStore(c.plan.store, c.headDim)) {
            broken[store] += checkBroken(c, state, scratch);
            continue;
        }
        state.reveal(true);
        broken[store] += checkBroken(c, state, scratch);
    }
    for (const char* what :
         {"read 0", "read 1", "read 2", "read 3", "floats", "rtn", "kivi", "kvquant", "cq"}) {
        INFO(what);
        CHECK(broken[what] > 0);
    }
}

TEST_CASE("The list of cases has every method with every group, width, length, store, batch and sight",
          "[core.kernels]") {
    std::set<std::string> pairs;
    for (const AttentionCase& c : attentionCases()) {
        const std::string method = std::to_string(c.plan.read.index());
        pairs.insert(method + " heads " + std::to_string(c.queryHeads) + "/" + std::to_string(c.kvHeads));
        pairs.insert(method + " d " + std::to_string(c.headDim));
        pairs.insert(method + " S " + std::to_string(c.lengths.front()));
        pairs.insert(method + " type " + std::string(elementName(c.type)));
        if (const auto* rtn = std::get_if<RtnParams>(&c.plan.store)) {
            pairs.insert(method + " bits " + std::to_string(rtn->bits));
            pairs.insert(method + " group " + std::to_string(rtn->group));
            pairs.insert(method + (rtn->mode == RtnParams::Mode::Symmetric ? " sym"
                                   : rtn->zero == RtnParams::Zero::Free    ? " free"
                                                                           : " clamped"));
        }
        pairs.insert(method + " store " + std::string(methodOfStore(c.plan.store)));
        pairs.insert(method + " batch " + std::to_string(c.lengths.size()));
        pairs.insert(method + " sight " + std::to_string(static_cast<int>(c.sight)));
        pairs.insert(method + " keys " + std::to_string(static_cast<int>(c.keys)));
    }
    for (int method = 0; method < 4; ++method) {
        const auto has = [&](const std::string& what) {
            INFO("method " << method << what);
            CHECK(pairs.count(std::to_string(method) + what) == 1);
        };
        for (const char* heads : {"2/2", "4/2", "4/1", "8/2", "8/1"})
            has(std::string(" heads ") + heads);
        for (const int d : {32, 64, 80, 96, 128, 256})
            has(" d " + std::to_string(d));
        for (const int S : {1, 2, 3, 15, 17, 63, 255, 257, 1023, 1025, 4097, 8191})
            has(" S " + std::to_string(S));
        for (const char* type : {"f32", "f16", "bf16"})
            has(std::string(" type ") + type);
        for (const int bits : kRtnBits)
            has(" bits " + std::to_string(bits));
        for (const int group : {32, 64, 128, 256})
            has(" group " + std::to_string(group));
        for (const char* zero : {" sym", " free", " clamped"})
            has(zero);
        for (const char* store : {"floats", "rtn", "kivi", "kvquant", "cq"})
            has(std::string(" store ") + store);
        for (int batch = 1; batch <= 4; ++batch)
            has(" batch " + std::to_string(batch));
        for (int sight = 0; sight < AttentionCase::kSights; ++sight) {
            const auto kind = static_cast<Sight>(sight);
            if ((kind == Sight::Turned && (method == 1 || method == 3)) || (kind == Sight::Borrowed && method == 3))
                continue; // no such plan
            has(" sight " + std::to_string(sight));
        }
        has(" keys 1");
    }
}
