#pragma once
// Random shapes and plans, the same in every run.

#include <random>

#include "core/methods/keep/moa.h"
#include "core/methods/step_shape.h"
#include "core/plan/attention_plan.h"

namespace fovea::test {

class Dice {
public:
    int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(m_random); }
    bool coin() { return between(0, 1) == 1; }

    StepShape shape(int longest) {
        StepShape shape;
        shape.tokens = between(1, longest);
        shape.kvHeads = between(1, 3);
        shape.queryHeads = shape.kvHeads * between(1, 4);
        shape.headDim = between(1, 24);
        shape.store = static_cast<ElementType>(between(0, 2));
        return shape;
    }
    SparqParams sparq(int d, int most) {
        SparqParams params;
        params.components = between(1, d);
        params.tokens = between(1, most);
        if (coin())
            params.local = between(0, params.tokens);
        params.alpha = coin();
        params.tau = coin();
        params.select = coin() ? SparqParams::Select::Softmax : SparqParams::Select::Logits;
        return params;
    }
    TopvParams topv(int most) { return {.tokens = between(1, most), .renormalise = coin()}; }
    // Its first layer is the one that is not skipped, or the second.
    QuestParams quest(int most) {
        return {.page = between(1, most / 4 + 1), .pages = between(1, 8), .skip = between(0, 1)};
    }
    // Any method that reads less than all.
    Read sparse(int d, int most) {
        const int method = between(0, 3);
        if (method == 0)
            return topv(most);
        return method == 1 ? Read(quest(most)) : Read(sparq(d, most));
    }

    // The model's own, floats, or codes.
    Store store() {
        if (const int form = between(0, 2); form < 2)
            return form == 0 ? Store() : Store(static_cast<ElementType>(between(0, 2)));
        RtnParams rtn{.bits = kRtnBits[between(0, 3)], .group = 32 << between(0, 2)};
        if (coin())
            rtn.mode = RtnParams::Mode::Symmetric;
        else if (coin())
            rtn.zero = RtnParams::Zero::Free;
        return rtn;
    }

    // One of which rows are exact for a while; `aging`: of those that leave it.
    Store mixedStore(int headDim, bool aging) {
        const int kind = aging ? between(0, 2) : 1;
        if (kind == 0)
            return KiviParams{.bits = kRtnBits[between(0, 3)], .group = 32, .residual = 32 * between(1, 2)};
        if (kind == 1)
            return KvquantParams{.bits = between(2, 4), .outliers = between(0, 10) / 100., .exact = between(0, 4)};
        int channels = 1 << between(0, 3);
        while (headDim % channels != 0)
            channels /= 2;
        return CqParams{.channels = channels, .bits = between(1, 6), .recent = between(0, 20)};
    }
    // Any map of layers that can be run, and any way to convert.
    LayerSources layerSources(int layers) {
        LayerSources share;
        std::vector<int> owners;
        for (int layer = 0; layer < layers; ++layer) {
            const bool owns = layer == 0 || between(0, 2) == 0;
            if (owns)
                owners.push_back(layer);
            share.sources.push_back(
                owns ? layer
                     : owners[static_cast<std::size_t>(between(0, static_cast<int>(owners.size()) - 1))]);
        }
        share.convert = coin() ? KvConversion::Mean : KvConversion::First;
        return share;
    }

    // Spans of short texts: one for all heads, or one each.
    MoaParams moa(int layers, int heads) {
        MoaParams params;
        params.sinks = between(0, 6);
        params.block = between(1, 9);
        params.minimum = between(1, 20);
        params.length = coin() ? between(1, 60) : 0;
        params.all = span();
        if (between(0, 3) == 0)
            return params;
        MoaSpans spans{.layers = layers, .heads = heads, .spans = {}};
        while (std::ssize(spans.spans) < layers * heads)
            spans.spans.push_back(span());
        params.spans = std::make_shared<const MoaSpans>(std::move(spans));
        return params;
    }
    MoaSpan span() { return {between(-200, 400) / 10.0, coin() ? between(0, 8) / 8.0 : between(0, 1000) / 1000.0}; }

private:
    std::mt19937 m_random{7};
};

} // namespace fovea::test
