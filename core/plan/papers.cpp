#include "core/plan/papers.h"

#include <array>

namespace fovea {

namespace {

constexpr std::array<std::string_view, 5> kSparqResults = {
    "Llama-2-13B, r=8, k=128, dense / SparQ: SQuAD .8085 / .7485, TriviaQA .787 / .778, CNN-DM ROUGE-L .221 "
    "/ .216",
    "Llama-2-13B, r=8, k=128, dense / SparQ: WikiText bits per character .610 / .697, Repetition characters "
    "229 / 75",
    "Needle, Llama-2-7B-32K, dense .976, SparQ at 4x .928",
    "A100-40GB, 32 heads, d=128, fp16, B=64, S=4096, r=32, k=128: 49 to 16 µs per sequence (3.02x, theory "
    "6.4x)",
    "A100-40GB, B=1: slower than dense until S is about 65k (S=4096: dense 110 µs, SparQ 404 to 566 µs)",
};

constexpr std::array<std::string_view, 3> kStreamingResults = {
    "Llama-2, MPT, Falcon and Pythia: stable perplexity over texts of 4 million tokens",
    "Without the sinks, perplexity breaks down as soon as the first tokens leave the window; four sinks are "
    "enough",
    "Up to 22.2x faster per token than recomputing a sliding window",
};
constexpr std::array<std::string_view, 2> kLmInfiniteResults = {
    "Models trained on 2k to 4k tokens stay fluent up to 200 million tokens, without training",
    "2.7x faster decoding, 7.5x less memory",
};

constexpr std::array<std::string_view, 2> kFlexGenResults = {
    "OPT-30B / OPT-175B, 4 bits, LAMBADA accuracy: all values read .724 / .756, the top 10 % .718 / .756",
    "OPT-175B on one T4 of 16 GB: 1 token/s at an effective batch of 144",
};
constexpr std::array<std::string_view, 2> kQuestResults = {
    "LongBench, LongChat-7B, a budget of 1k tokens: comparable to the full cache",
    "Self-attention up to 7.03x faster; with 4-bit weights 2.23x lower latency from end to end",
};

// SparQ's table counts neither the second write of K nor both accesses to the mean value: with them 5·d.
constexpr std::array kPapers = {
    Paper{.key = "attention",
          .authors =
              "Ashish Vaswani, Noam Shazeer, Niki Parmar, Jakob Uszkoreit, Llion Jones, Aidan N. Gomez, "
              "Łukasz Kaiser, Illia Polosukhin",
          .title = "Attention Is All You Need",
          .year = 2017,
          .arxiv = "1706.03762",
          .publishedMoved = {},
          .publishedHeld = {},
          .results = {}},
    Paper{.key = "flexgen",
          .authors = "Ying Sheng, Lianmin Zheng, Binhang Yuan, Zhuohan Li, Max Ryabinin, Daniel Y. Fu, Zhiqiang Xie, "
                     "Beidi Chen, Clark Barrett, Joseph E. Gonzalez, Percy Liang, Christopher Ré, Ion Stoica, Ce Zhang",
          .title = "FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
          .year = 2023,
          .arxiv = "2303.06865",
          .publishedMoved = "(2 + S + k)·d elements per KV head, as the SparQ authors count it (dense: 2·S·d + 2·d)",
          .publishedHeld = {},
          .results = kFlexGenResults},
    Paper{.key = "gqa",
          .authors = "Joshua Ainslie, James Lee-Thorp, Michiel de Jong, Yury Zemlyanskiy, Federico Lebrón, "
                     "Sumit Sanghai",
          .title = "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
          .year = 2023,
          .arxiv = "2305.13245",
          .publishedMoved = {},
          .publishedHeld = {},
          .results = {}},
    Paper{.key = "lm-infinite",
          .authors = "Chi Han, Qifan Wang, Hao Peng, Wenhan Xiong, Yu Chen, Heng Ji, Sinong Wang",
          .title = "LM-Infinite: Zero-Shot Extreme Length Generalization for Large Language Models",
          .year = 2023,
          .arxiv = "2308.16137",
          .publishedMoved = {},
          .publishedHeld = "constant: the global branch and the local branch",
          .results = kLmInfiniteResults},
    Paper{.key = "streaming",
          .authors = "Guangxuan Xiao, Yuandong Tian, Beidi Chen, Song Han, Mike Lewis",
          .title = "Efficient Streaming Language Models with Attention Sinks",
          .year = 2023,
          .arxiv = "2309.17453",
          .publishedMoved = {},
          .publishedHeld = "constant: s sinks and w recent tokens, whatever the length of the text",
          .results = kStreamingResults},
    Paper{.key = "sparq",
          .authors =
              "Luka Ribar, Ivan Chelombiev, Luke Hudlass-Galley, Charlie Blake, Carlo Luschi, Douglas Orr",
          .title = "SparQ Attention: Bandwidth-Efficient LLM Inference",
          .year = 2023,
          .arxiv = "2312.04985",
          .publishedMoved = "S·r + 2·k·d + 4·d elements per KV head (dense: 2·S·d + 2·d)",
          .publishedHeld = "1.5x dense: K is stored twice",
          .results = kSparqResults},
    Paper{.key = "quest",
          .authors = "Jiaming Tang, Yilong Zhao, Kan Zhu, Guangxuan Xiao, Baris Kasikci, Song Han",
          .title = "Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
          .year = 2024,
          .arxiv = "2406.10774",
          .publishedMoved = "1/page size + K/page count of the KV cache, K pages read",
          .publishedHeld = {},
          .results = kQuestResults},
};

} // namespace

std::span<const Paper> papers() {
    return kPapers;
}

const Paper* findPaper(std::string_view key) {
    for (const Paper& paper : kPapers)
        if (paper.key == key)
            return &paper;
    return nullptr;
}

} // namespace fovea
