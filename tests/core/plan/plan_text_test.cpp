#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "core/plan/accepted_words.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_prefill.h"

using namespace fovea;

namespace {

AttentionPlan randomPlan(std::mt19937& random) {
    const auto upTo = [&](int n) { return std::uniform_int_distribution<int>(0, n)(random); };
    AttentionPlan plan;
    if (const int share = upTo(3); share == 1) {
        plan.share = ClaParams{.factor = upTo(1) ? 2 : 2 + upTo(2147483645),
                               .pattern = static_cast<ClaParams::Pattern>(upTo(3)),
                               .convert = static_cast<KvConversion>(upTo(1))};
    } else if (share == 2) {
        LayerSources sources{.sources = {0}, .convert = static_cast<KvConversion>(upTo(1))};
        for (int layer = upTo(60); layer > 0; --layer)
            sources.sources.push_back(upTo(upTo(1) ? 9 : 2147483647));
        plan.share = sources;
    }
    if (const int keep = upTo(7); keep == 6) {
        MoaParams p;
        if (upTo(1))
            p.all = {upTo(200000) / 8.0 - 2048, upTo(1000) / 1000.0};
        p.sinks = upTo(1) ? 64 : upTo(2147483647);
        p.block = 1 + (upTo(1) ? 63 : upTo(2147483646));
        p.minimum = 1 + (upTo(1) ? 127 : upTo(2147483646));
        p.length = upTo(1) ? 0 : upTo(2147483647);
        plan.keep = p;
    } else if (keep == 1)
        plan.keep = StreamingParams{.sinks = upTo(1) ? 4 : upTo(2147483647),
                                    .window = 1 + (upTo(1) ? 511 : upTo(2147483646)),
                                    .positions = static_cast<StreamingParams::Positions>(upTo(1))};
    else if (keep == 2)
        plan.keep =
            LmInfiniteParams{.sinks = upTo(1) ? 10 : upTo(300), .window = 1 + (upTo(1) ? 4095 : upTo(300))};
    else if (keep == 3)
        plan.keep = H2oParams{upTo(1) ? H2oParams{}.heavy : TokenBudget{1 + upTo(99), upTo(1) == 1},
                              upTo(1) ? H2oParams{}.recent : TokenBudget{upTo(100), upTo(1) == 1}};
    else if (keep == 4) {
        ScissorhandsParams p{.budget = upTo(1) ? 512 : 500 + upTo(2147483000),
                             .history = upTo(1) ? 400 : 1 + upTo(4095),
                             .recent = upTo(1) ? 10 : upTo(100)};
        if (upTo(1))
            p.drop = 1 + upTo(399);
        plan.keep = p;
    } else if (keep == 5) {
        SnapkvParams p{.budget = upTo(1) ? 1024 : 1 + upTo(2147483646)};
        p.window = p.budget < 64 || upTo(1) ? 1 + upTo(std::min(p.budget, 4096) - 1) : 64;
        p.pool = 1 + 2 * upTo(20);
        plan.keep = p;
    }
    if (upTo(3) == 0)
        plan.prefill = masksPrefill(plan) ? AttentionPlan::Prefill::Dense : AttentionPlan::Prefill::Masked;
    if (upTo(4) == 0)
        plan.feedback = AttentionPlan::Feedback::Estimate;
    if (const int store = upTo(2); store == 1)
        plan.store = static_cast<ElementType>(upTo(2));
    else if (store == 2)
        plan.store =
            RtnParams{.bits = kRtnBits[upTo(3)], .group = upTo(1) ? 32 << upTo(1) : 128 * (1 + upTo(9))};
    if (const int weights = upTo(3); weights > 0) {
        plan.weights = RtnParams{.bits = kRtnBits[upTo(3)], .group = 32 << upTo(2)};
        if (weights > 1)
            plan.weights = CalibratedWeights{.method = static_cast<CalibratedWeights::Method>(weights - 2),
                                             .bits = kRtnBits[upTo(3)]};
    }
    if (const int acts = upTo(2); acts == 1)
        plan.acts = RtnActs{.bits = kActBits[upTo(1)]};
    else if (acts == 2)
        plan.acts = SmoothActs{.bits = kActBits[upTo(1)], .alpha = upTo(1000) / 1000.0};
    const int read = upTo(5);
    if (read == 4)
        plan.read = TopvParams{.tokens = 1 + (upTo(1) ? upTo(2147483646) : 127), .renormalise = upTo(1) == 1};
    else if (read == 5)
        plan.read = QuestParams{.page = 1 + (upTo(1) ? 15 : upTo(2147483646)),
                                .pages = 1 + (upTo(1) ? 63 : upTo(300)),
                                .skip = upTo(1) ? 2 : upTo(2147483646)};
    else if (read > 0) {
        SparqParams p;
        if (upTo(2))
            p.components = 1 + upTo(2147483646);
        if (upTo(2))
            p.tokens = 1 + (upTo(1) ? upTo(2147483646) : upTo(300));
        if (upTo(1))
            p.local = upTo(p.tokens);
        p.alpha = upTo(1);
        p.tau = upTo(1);
        p.select = upTo(1) ? SparqParams::Select::Softmax : SparqParams::Select::Logits;
        plan.read = p;
    }
    return plan;
}

bool isTextOf(const std::string& text, const AttentionPlan& plan) {
    try {
        return parsePlan(text) == plan;
    } catch (const PlanError&) {
        return false;
    }
}

SparqParams sparq(std::string_view text) {
    return std::get<SparqParams>(parsePlan(text).read);
}

} // namespace

TEST_CASE("A plan comes back from its own text", "[core.plan]") {
    std::mt19937 random(7);
    for (int i = 0; i < 5000; ++i) {
        const AttentionPlan plan = randomPlan(random);
        const std::string text = toText(plan);
        INFO(text);
        REQUIRE(parsePlan(text) == plan);
    }
}

TEST_CASE("Leaving a switch out of a plan's text changes the plan, so the text is the shortest",
          "[core.plan]") {
    std::mt19937 random(11);
    for (int i = 0; i < 500; ++i) {
        const AttentionPlan plan = randomPlan(random);
        const std::string text = toText(plan);
        INFO(text);
        for (auto comma = text.find(','); comma != text.npos; comma = text.find(',', comma + 1)) {
            const auto end = text.find_first_of(", ", comma + 1);
            const std::string shorter = text.substr(0, comma) + (end == text.npos ? "" : text.substr(end));
            CHECK_FALSE(isTextOf(shorter, plan));
        }
    }
}

TEST_CASE("Text leaves out defaults", "[core.plan]") {
    CHECK(toText({}) == "dense");
    CHECK(toText(parsePlan("read=all")) == "dense");
    CHECK(toText(parsePlan("read=sparq:r=32,k=128,alpha=on,tau=on,select=softmax")) == "read=sparq");
    CHECK(toText(parsePlan("read=sparq:k=64,r=8 store=bf16")) == "store=bf16 read=sparq:r=8,k=64");
    CHECK(toText(parsePlan("dense store=f16")) == "store=f16");
    // The default window follows k, so one that was named stays named.
    CHECK(toText(parsePlan("read=sparq:local=32")) == "read=sparq:local=32");
}

TEST_CASE("Every switch of the keeps is read, and defaults are left out", "[core.plan]") {
    const auto streaming = std::get<StreamingParams>(
        parsePlan("read=sparq keep=streaming:window=252,positions=cache,sinks=0").keep);
    CHECK(streaming == StreamingParams{0, 252, StreamingParams::Positions::Cache});
    CHECK(std::get<StreamingParams>(parsePlan("keep=streaming:window=0").keep).window == 0);
    CHECK(std::get<LmInfiniteParams>(parsePlan("keep=lm-infinite:sinks=3,window=1").keep) ==
          LmInfiniteParams{3, 1});
    CHECK(toText(parsePlan("keep=all")) == "dense");
    CHECK(toText(parsePlan("keep=streaming:sinks=4,window=512,positions=original")) == "keep=streaming");
    CHECK(toText(parsePlan("keep=lm-infinite:sinks=10,window=4096")) == "keep=lm-infinite");
    CHECK(toText(parsePlan("read=sparq:k=64 store=bf16 keep=streaming:positions=cache,window=60")) ==
          "keep=streaming:window=60,positions=cache store=bf16 read=sparq:k=64");
}

TEST_CASE("Every switch of the keeps that score tokens is read, and defaults are left out", "[core.plan]") {
    CHECK(std::get<H2oParams>(parsePlan("keep=h2o:heavy=10%,recent=48").keep) ==
          H2oParams{{10, true}, {48, false}});
    CHECK(std::get<H2oParams>(parsePlan("keep=h2o:heavy=0,recent=100%").keep) ==
          H2oParams{{0, false}, {100, true}});
    CHECK(std::get<ScissorhandsParams>(
              parsePlan("keep=scissorhands:budget=64,history=1,recent=0,drop=64").keep) ==
          ScissorhandsParams{64, 1, 0, 64});
    CHECK(std::get<ScissorhandsParams>(parsePlan("keep=scissorhands:budget=15").keep).dropTokens() == 5);
    CHECK(std::get<SnapkvParams>(parsePlan("keep=snapkv:budget=96,window=16,pool=7").keep) ==
          SnapkvParams{96, 16, 7});
    CHECK(parsePlan("feedback=estimate").feedback == AttentionPlan::Feedback::Estimate);
    CHECK(toText(parsePlan("feedback=exact keep=h2o:heavy=4,recent=512")) == "keep=h2o");
    CHECK(toText(parsePlan("keep=h2o:heavy=4%")) == "keep=h2o:heavy=4%");
    CHECK(toText(parsePlan("keep=scissorhands:budget=512,history=400,recent=10")) == "keep=scissorhands");
    CHECK(toText(parsePlan("keep=snapkv:budget=1024,window=64,pool=5 store=f16")) == "keep=snapkv store=f16");
    CHECK(toText(parsePlan("feedback=estimate read=sparq keep=h2o:recent=9")) ==
          "keep=h2o:recent=9 read=sparq feedback=estimate");
}

TEST_CASE("How a prompt is read is as the keep's paper has it, unless the plan says otherwise",
          "[core.plan]") {
    struct Case {
        const char* keep;
        bool masked; // by default
    };
    for (const Case& c : {Case{"keep=all", false}, Case{"keep=streaming:window=9", false},
                          Case{"keep=lm-infinite:window=9", true}, Case{"keep=moa:block=8", true},
                          Case{"keep=h2o:recent=9", false}, Case{"keep=scissorhands:budget=99", false},
                          Case{"keep=snapkv:budget=99", false}}) {
        const std::string keep = c.keep;
        const AttentionPlan byDefault = parsePlan(keep);
        CHECK(masksPrefill(byDefault) == c.masked);
        CHECK(keepActsFrom(byDefault, 70) == (c.masked ? 0 : 70));
        // What is the default is no other plan, and no other text.
        CHECK(parsePlan(keep + (c.masked ? " prefill=masked" : " prefill=dense")) == byDefault);
        const AttentionPlan other = parsePlan((c.masked ? "prefill=dense " : "prefill=masked ") + keep);
        CHECK(masksPrefill(other) != c.masked);
        CHECK_FALSE(other == byDefault);
        CHECK(parsePlan(toText(other)) == other);
        AttentionPlan said = byDefault;
        said.prefill = c.masked ? AttentionPlan::Prefill::Masked : AttentionPlan::Prefill::Dense;
        CHECK(toText(said) == toText(byDefault));
    }
    CHECK(toText(parsePlan("prefill=masked read=topv:k=9 keep=streaming:window=9")) ==
          "keep=streaming:window=9 read=topv:k=9 prefill=masked");
    CHECK(toText(parsePlan("prefill=dense")) == "dense");
    CHECK(toTitle(parsePlan("keep=moa:spans=1x2/3+0N/4+0.5N prefill=dense")).ends_with(" prefill=dense"));
}

TEST_CASE("Every switch of the shares is read, and defaults are left out", "[core.plan]") {
    CHECK(std::get<ClaParams>(parsePlan("share=cla").share) == ClaParams{});
    CHECK(std::get<ClaParams>(parsePlan("share=cla:3,pattern=keep-ends,convert=first").share) ==
          ClaParams{3, ClaParams::Pattern::KeepEnds, KvConversion::First});
    CHECK(std::get<ClaParams>(parsePlan("share=cla:pattern=dense-back").share) ==
          ClaParams{2, ClaParams::Pattern::DenseBack});
    CHECK(std::get<LayerSources>(parsePlan("share=layers:0_0_2_2,convert=first").share) ==
          LayerSources{{0, 0, 2, 2}, KvConversion::First});
    CHECK(toText(parsePlan("share=own")) == "dense");
    CHECK(toText(parsePlan("share=cla:convert=mean,pattern=even")) == "share=cla:2");
    CHECK(toText(parsePlan("read=sparq keep=streaming share=cla:3,pattern=dense-front")) ==
          "share=cla:3,pattern=dense-front keep=streaming read=sparq");
    CHECK(toText(parsePlan("share=layers:0_0_0_3,convert=mean store=f16")) ==
          "share=layers:0_0_0_3 store=f16");
}

TEST_CASE("Every switch of SparQ is read", "[core.plan]") {
    const SparqParams p = sparq("read=sparq:r=4,k=9,local=0,alpha=off,tau=off,select=logits");
    CHECK(p.components == 4);
    CHECK(p.tokens == 9);
    CHECK(p.local == 0);
    CHECK_FALSE(p.alpha);
    CHECK_FALSE(p.tau);
    CHECK(p.select == SparqParams::Select::Logits);
    CHECK(sparq("read=sparq:k=9").localTokens() == 2);
    CHECK(sparq("read=sparq:k=9,local=9").localTokens() == 9);
    CHECK(parsePlan("store=f32").store == Store(ElementType::F32));
    CHECK(parsePlan(" \t store=f16\n").store == Store(ElementType::F16));
    CHECK(parsePlan("store=rtn").store == Store(RtnParams{}));
    CHECK(parsePlan("store=rtn:bits=2,group=32,mode=asym,zero=free").store ==
          Store(RtnParams{.bits = 2, .group = 32, .zero = RtnParams::Zero::Free}));
    CHECK(toText(parsePlan("weights=rtn:bits=8 store=rtn:bits=4,group=128,mode=sym")) ==
          "store=rtn:mode=sym weights=rtn:bits=8");
    CHECK(parsePlan("acts=own").acts == Acts(OwnActs{}));
    CHECK(parsePlan("acts=rtn").acts == Acts(RtnActs{8}));
    CHECK(parsePlan("acts=smooth:alpha=.8,bits=4").acts == Acts(SmoothActs{4, .8}));
    CHECK(toText(parsePlan("acts=rtn:bits=8 weights=rtn:bits=4 read=topv")) ==
          "read=topv weights=rtn acts=rtn");
    CHECK(toText(parsePlan("acts=smooth:bits=8,alpha=0.5")) == "acts=smooth");
    CHECK(toText(parsePlan("acts=smooth:bits=4,alpha=0.85")) == "acts=smooth:bits=4,alpha=0.85");
}

TEST_CASE("Every switch of top-k V and of Quest is read, and defaults are left out", "[core.plan]") {
    CHECK(std::get<TopvParams>(parsePlan("read=topv").read) == TopvParams{128, false});
    CHECK(std::get<TopvParams>(parsePlan("read=topv:renormalise=on,k=7").read) == TopvParams{7, true});
    CHECK(toText(parsePlan("read=topv:k=128,renormalise=off")) == "read=topv");
    CHECK(toText(parsePlan("read=topv:renormalise=on,k=9 keep=streaming")) ==
          "keep=streaming read=topv:k=9,renormalise=on");
    CHECK(std::get<QuestParams>(parsePlan("read=quest").read) == QuestParams{16, 64, 2});
    CHECK(std::get<QuestParams>(parsePlan("read=quest:skip=0,pages=3,page=8").read) == QuestParams{8, 3, 0});
    CHECK(toText(parsePlan("read=quest:page=16,pages=64,skip=2")) == "read=quest");
    CHECK(toText(parsePlan("read=quest:skip=0,pages=3,page=8")) == "read=quest:page=8,pages=3,skip=0");
}

TEST_CASE("A word that is no plan is named, and the accepted ones with it", "[core.plan]") {
    struct Case {
        const char* text;
        const char* named;
    };
    const auto [text, named] = GENERATE(values<Case>({
        {"", "empty"},
        {"  \t", "empty"},
        {"sparse", "\"sparse\""},
        {"Dense", "\"Dense\""},
        {"dense=1", "\"dense=1\""},
        {"keep=tova", "\"keep=tova\""},
        {"keep=h2o:heavy=0,recent=0", "heavy=0,recent=0"},
        {"keep=h2o:heavy=0%,recent=0", "keeps no token"},
        {"keep=h2o:heavy=101%", "\"heavy=101%\""},
        {"keep=h2o:heavy=-1%", "\"heavy=-1%\""},
        {"keep=h2o:heavy=%", "\"heavy=%\""},
        {"keep=h2o:heavy=1.5%", "\"heavy=1.5%\""},
        {"keep=h2o:heavy=0.1", "\"heavy=0.1\""},
        {"keep=h2o:budget=4", "\"budget=4\""},
        {"keep=scissorhands:budget=0", "\"budget=0\""},
        {"keep=scissorhands:history=4097", "history=4097"},
        {"keep=scissorhands:budget=8", "recent=10"},
        {"keep=scissorhands:budget=20,recent=10,drop=11", "drop 11"},
        {"keep=scissorhands:drop=0", "\"drop=0\""},
        {"keep=snapkv:window=0", "\"window=0\""},
        {"keep=snapkv:budget=63", "window=64"},
        {"keep=snapkv:pool=4", "pool=4"},
        {"keep=snapkv:heavy=4", "\"heavy=4\""},
        {"prefill=rounded", "\"prefill=rounded\""},
        {"prefill=", "\"prefill=\""},
        {"prefill=dense:", "\"prefill=dense:\""},
        {"prefill=masked prefill=masked", "\"prefill=masked\""},
        {"feedback=none", "\"feedback=none\""},
        {"feedback=exact:", "\"feedback=exact:\""},
        {"feedback=exact feedback=estimate", "\"feedback=estimate\""},
        {"keep=", "\"keep=\""},
        {"keep=all:", "\"keep=all:\""},
        {"keep=all keep=streaming", "\"keep=streaming\""},
        {"keep=streaming:sinks=0,window=0", "\"keep=streaming:sinks=0,window=0\""},
        {"keep=streaming:sinks=-1", "\"sinks=-1\""},
        {"keep=streaming:window=99999999999", "\"window=99999999999\""},
        {"keep=streaming:positions=text", "\"positions=text\""},
        {"keep=streaming:recent=4", "\"recent=4\""},
        {"keep=streaming:window=4,window=4", "\"window\""},
        {"keep=lm-infinite:window=0", "\"window=0\""},
        {"keep=lm-infinite:positions=cache", "\"positions=cache\""},
        {"share=mla", "\"share=mla\""},
        {"share=own:2", "\"share=own:2\""},
        {"share=cla:2 share=cla:2", "\"share=cla:2\""},
        {"share=cla:1", "\"1\""},
        {"share=cla:", "\"\""},
        {"share=cla:x", "\"x\""},
        {"share=cla:factor=2", "\"factor=2\""},
        {"share=cla:pattern=even,3", "\"3\""},
        {"share=cla:2,pattern=ends", "\"pattern=ends\""},
        {"share=cla:2,pattern=", "\"pattern=\""},
        {"share=cla:2,convert=median", "\"convert=median\""},
        {"share=cla:2,convert=mean,convert=first", "\"convert\""},
        {"share=layers", "\"share=layers\""},
        {"share=layers:", "\"\""},
        {"share=layers:convert=first", "\"share=layers:convert=first\""},
        {"share=layers:0_", "\"\""},
        {"share=layers:0__1", "\"\""},
        {"share=layers:0_-1", "\"-1\""},
        {"share=layers:0s_0s", "sliding window"},
        {"share=layers:0_0,2_2", "\"2_2\""},
        {"share=layers:0_99999999999", "\"99999999999\""},
        {"weights=int4", "\"weights=int4\""},
        {"weights=own:bits=4", "\"weights=own:bits=4\""},
        {"weights=gptq:mode=sym", "\"mode=sym\""},
        {"weights=awq:bits=5", "\"bits=5\""},
        {"weights=awq:group=48", "\"group=48\""},
        {"weights=rtn:", "\"\""},
        {"store=rtn:bits=5", "\"bits=5\""},
        {"store=rtn:residual=32", "\"residual=32\""},
        {"store=rtn:mode=sym,zero=free", "\"store=rtn:mode=sym,zero=free\""},
        {"weights=rtn:bits=5", "\"bits=5\""},
        {"weights=rtn:bits=16", "\"bits=16\""},
        {"weights=rtn:bits=1", "\"bits=1\""},
        {"weights=rtn:group=96", "\"group=96\""},
        {"weights=rtn:group=0", "\"group=0\""},
        {"weights=rtn:mode=signed", "\"mode=signed\""},
        {"weights=rtn:zero=none", "\"zero=none\""},
        {"weights=rtn:mode=sym,zero=free", "mode=sym"},
        {"weights=rtn:bits=4,bits=4", "\"bits\""},
        {"weights=rtn weights=own", "\"weights=own\""},
        {"acts=int8", "\"acts=int8\""},
        {"acts=own:bits=8", "\"acts=own:bits=8\""},
        {"acts=rtn:bits=3", "\"bits=3\""},
        {"acts=rtn:bits=16", "\"bits=16\""},
        {"acts=rtn:group=128", "\"group=128\""},
        {"acts=rtn:alpha=.5", "\"alpha=.5\""},
        {"acts=smooth:alpha=1.5", "\"alpha=1.5\""},
        {"acts=smooth:alpha=nan", "\"alpha=nan\""},
        {"acts=smooth:bits=8,bits=8", "\"bits\""},
        {"acts=rtn:", "\"\""},
        {"acts=rtn acts=own", "\"acts=own\""},
        {"store=f64", "\"store=f64\""},
        {"store=", "\"store=\""},
        {"store=f16:", "\"store=f16:\""},
        {"read", "\"read\""},
        {"read=", "\"read=\""},
        {"read=topk", "\"read=topk\""},
        {"read=topv:k=0", "\"k=0\""},
        {"read=topv:r=8", "\"r=8\""},
        {"read=topv:renormalise=1", "\"renormalise=1\""},
        {"read=topv:", "\"\""},
        {"read=quest:page=0", "\"page=0\""},
        {"read=quest:pages=0", "\"pages=0\""},
        {"read=quest:skip=-1", "\"skip=-1\""},
        {"read=quest:pages=4,pages=4", "\"pages\""},
        {"read=quest:budget=1024", "\"budget=1024\""},
        {"read=quest read=topv", "\"read=topv\""},
        {"read=all:", "\"read=all:\""},
        {"read=all:r=1", "\"read=all:r=1\""},
        {"sparq:r=8", "\"sparq:r=8\""},
        {"=sparq", "\"=sparq\""},
        {"read=sparq:", "\"\""},
        {"read=sparq:r=8,", "\"\""},
        {"read=sparq:x=8", "\"x=8\""},
        {"read=sparq:R=8", "\"R=8\""},
        {"read=sparq:r", "\"r\""},
        {"read=sparq:r=", "\"r=\""},
        {"read=sparq:r=8x", "\"r=8x\""},
        {"read=sparq:r=+8", "\"r=+8\""},
        {"read=sparq:r=8.0", "\"r=8.0\""},
        {"read=sparq:r=0", "\"r=0\""},
        {"read=sparq:r=-1", "\"r=-1\""},
        {"read=sparq:r=2147483648", "\"r=2147483648\""},
        {"read=sparq:k=0", "\"k=0\""},
        {"read=sparq:k=99999999999999999999", "\"k=99999999999999999999\""},
        {"read=sparq:local=-1", "\"local=-1\""},
        {"read=sparq:k=8,local=9", "\"local=9\""},
        {"read=sparq:local=9,k=8", "\"local=9\""},
        {"read=sparq:r=8,r=8", "\"r\""},
        {"read=sparq:alpha=yes", "\"alpha=yes\""},
        {"read=sparq:tau", "\"tau\""},
        {"read=sparq:select=max", "\"select=max\""},
        {"read=sparq read=sparq", "\"read=sparq\""},
        {"dense read=sparq", "\"read=sparq\""},
        {"dense dense", "\"dense\""},
        {"read=sparq:r={4,8}", "\"read=sparq:r={4,8}\" lists values in braces"},
        {"store=f16 store=f16", "\"store=f16\""},
    }));
    INFO(text);
    try {
        parsePlan(text);
        FAIL("it was taken for a plan");
    } catch (const PlanError& error) {
        const std::string message = error.what();
        INFO(message);
        CHECK(message.find(named) != message.npos);
        CHECK(message.find("accepted: ") != message.npos);
        CHECK(message.find('\n') == message.npos);
    }
}

TEST_CASE("A misspelt word is answered with the one that was meant and its slot's words alone",
          "[core.plan]") {
    struct Case {
        const char *text, *meant;
    };
    const auto [text, meant] = GENERATE(values<Case>({
        {"read=sparkq:r=8", "is read=sparq meant?"},
        {"raed=sparq:r=8", "is read=sparq meant?"},
        {"sparq", "is read=sparq meant?"},
        {"streaming", "is keep=streaming meant?"},
        {"keep=streming", "is keep=streaming meant?"},
        {"store=bf61", "is store=bf16 meant?"},
        {"prefill=quantized", "is prefill=quantised meant?"},
        {"weights=gtpq", "is weights=gptq meant?"},
        {"Dense", "is dense meant?"},
        {"store=int8", ""},
        {"keep=tova", ""},
        {"r=8", ""},
    }));
    INFO(text);
    try {
        parsePlan(text);
        FAIL("it was taken for a plan");
    } catch (const PlanError& error) {
        const std::string message = error.what();
        INFO(message);
        CHECK((message.find(" meant?") != message.npos) == (meant[0] != 0));
        CHECK(message.find(meant) != message.npos);
        CHECK(message.size() < 460); // once all words of all slots, 1100 letters
    }
}

TEST_CASE("What help lists is a plan, and every kind of word is listed", "[core.plan]") {
    const std::string help = planHelp();
    for (const SlotWords& slot : slotWords()) {
        INFO(slot.slot);
        CHECK(help.find(std::string(slot.question)) != help.npos);
        for (const std::string_view word : slot.words) {
            CHECK(help.find(std::string(word)) != help.npos);
            CHECK(word.starts_with(std::string(slot.slot) + "="));
            const std::string first(word.substr(0, word.find_first_of(":| ")));
            if (first != "share=layers") // which has no default
                CHECK_NOTHROW(parsePlan(first));
        }
    }
}

TEST_CASE("A hostile word makes a short message of one line", "[core.plan]") {
    const std::string text = "read=sparq:\x1b[31m" + std::string(100000, 'a') + "\a";
    try {
        parsePlan(text);
        FAIL("it was taken for a plan");
    } catch (const PlanError& error) {
        const std::string message = error.what();
        CHECK(message.size() < 500);
        CHECK(std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < 0x20; }));
    }
}
