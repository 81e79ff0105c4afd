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

constexpr std::array<std::string_view, 2> kScissorhandsResults = {
    "OPT-6.7B to 66B: perplexity on C4 and few-shot accuracy kept at up to 5x less memory for the KV cache",
    "With the cache in 4 bits as well, up to 20x less",
};
constexpr std::array<std::string_view, 2> kH2oResults = {
    "OPT-6.7B and OPT-30B with 20 % of the cache: up to 29x the throughput of DeepSpeed and Accelerate, 3x "
    "FlexGen's",
    "At the same batch size, latency down by up to 1.9x",
};
constexpr std::array<std::string_view, 3> kSnapkvResults = {
    "Prompts of 16k tokens: 3.6x faster decoding, 8.2x better use of memory",
    "Prompts of up to 380k tokens on one A100-80GB, with little lost on Needle",
    "LongBench with 1024 of the prompt's tokens kept: close to the whole cache on 16 data sets",
};

constexpr std::array<std::string_view, 4> kClaResults = {
    "1B models, KV bytes per token at 16 bit and perplexity: MQA 10240, 13.54; MQA-CLA2 5120, 13.60; MQA of half the "
    "head width 5120, 13.81",
    "CLA3 3584, 13.77; CLA4 2560, 13.95; keep-ends, dense-front, dense-back 5632, 13.62, 13.75, 14.03",
    "1B, learning rate tuned: MQA 12.39, MQA-CLA2 12.43, MQA of half the head width 12.74",
    "3B: MQA 16384 bytes, 9.52; MQA-CLA2 8192, 9.34; MQA of half the head width 8192, 9.48",
};

constexpr std::array<std::string_view, 4> kMoaResults = {
    "Half of all tokens, retrieval at 4k / 8k / 16k: Vicuna-7B dense 1 / .98 / .62, StreamingLLM .43 / .16 / .08, MoA 1 "
    "/ .97 / .57; Llama-3-8B dense .99 / .99 / .97, StreamingLLM .68 / .55 / .52, MoA .99 / 1 / 1",
    "Effective context (90 % retrieval) 3.9x the mean span",
    "A quarter of all tokens, retrieval at 8k: uniform .25, per layer .31, per head .95, growing with N .98",
    "7B, A100-80GB, tokens per second at 4k / 8k / 16k: FlashAttention2 134.6 / 66.9 / 32.9, MoA 1099 / 535.7 / 257.3; "
    "memory 1.2 to 1.4x lower",
};

constexpr std::array<std::string_view, 3> kKvquantResults = {
    "WikiText-2 perplexity, LLaMA-7B (16 bit 5.68) at 4 / 3 / 2 bits: integers 5.98 / 10.87 / 11779, in "
    "groups of 128 5.77 "
    "/ 6.17 / 37.37; KVQuant 5.72 / 5.87 / 7.23, with 1 % outliers 5.69 / 5.75 / 6.01",
    "What each part takes off the perplexity at 3 bits: keys per channel 3.82, before RoPE .82, levels that "
    "are learnt .29, "
    "outliers .19",
    "LLaMA-7B with a context of 1 million tokens on one A100-80GB, of 10 million on eight",
};
constexpr std::array<std::string_view, 2> kKiviResults = {
    "LongBench, LongChat-7B: 16 bit 38.72, 2 bits 38.30",
    "2.6x less memory at its peak, weights included; batches up to 4x larger, 2.35 to 3.47x the throughput",
};
constexpr std::array<std::string_view, 1> kCqResults = {
    "WikiText-2 perplexity, LLaMA-7B (16 bit 5.68): 4 bits (2c8b) 5.70, 2 bits (4c8b) 5.97, 1.25 bits "
    "(8c10b) 6.78, 1 bit "
    "(8c8b) 8.09, without Fisher weights 32.12",
};

constexpr std::array<std::string_view, 8> kQllmEvalResults = {
    "MMLU, Llama-2-7B, 16 bit / W8 / W4 / W3 / W2: 46.69 / 46.92 / 45.45 / 38.52 / 24.23; 70B: 69.80 / 69.74 / 68.49 / "
    "65.21 / 27.13",
    "The same, KV8 / KV4 / KV3 / KV2: 46.64 / 46.19 / 41.15 / 24.98; 70B: 69.81 / 68.97 / 67.06 / 35.98",
    "The same, W8A8 / W4A8 / W4A4: 47.05 / 45.70 / 23.82; 70B: 69.55 / 67.80 / 23.79",
    "GSM8K, Llama-2-7B, 16 bit / W8 / W4 / W3 / W2: 26.76 / 25.47 / 25.17 / 15.62 / 1.9; KV8 / KV4 / KV3 / KV2: 25.78 / "
    "23.96 / 12.05 / .83",
    "LongEval at 16k, Vicuna-7B: 16 bit .578, W4 .614, W3 .304; KV8 .536, KV4 .36, KV3 .004",
    "Larger models bear fewer bits of weights better; W4 is recommended for basic tasks, W8 under 13B where emergent "
    "abilities count",
    "Long texts are most sensitive to KV: KV8 is recommended past 4k tokens, KV4 for basic tasks",
    "Rounding weights alone speeds up decoding, and may slow down prefill",
};

constexpr std::array<std::string_view, 2> kGptqResults = {
    "WikiText-2 perplexity, LLaMA-7B, as the authors' repository has it: 16 bit 5.68; 4 bits RTN 6.29, GPTQ 6.09; 3 bits "
    "RTN 25.54, GPTQ 8.07, in groups of 128 6.61",
    "OPT and BLOOM of 175B calibrated in about four GPU hours",
};

constexpr std::array<std::string_view, 2> kAwqResults = {
    "WikiText-2 perplexity in groups of 128, Llama-2-7B: 16 bit 5.47; 4 bits RTN 5.73, GPTQ 5.69, AWQ 5.60; 3 bits RTN "
    "6.66, GPTQ 6.43, AWQ 6.24",
    "LLaMA-7B at 4 bits: 16 bit 5.68, AWQ 5.78",
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
    Paper{.key = "gptq",
          .authors = "Elias Frantar, Saleh Ashkboos, Torsten Hoefler, Dan Alistarh",
          .title = "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
          .year = 2022,
          .arxiv = "2210.17323",
          .publishedMoved = {},
          .publishedHeld = "3 or 4 bits per weight, a scale and a zero per row or per group",
          .results = kGptqResults},
    Paper{.key = "smoothquant",
          .authors = "Guangxuan Xiao, Ji Lin, Mickael Seznec, Hao Wu, Julien Demouth, Song Han",
          .title = "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models",
          .year = 2022,
          .arxiv = "2211.10438",
          .publishedMoved = {},
          .publishedHeld = "8 bits per weight and per activation",
          .results = {}},
    Paper{.key = "flexgen",
          .authors = "Ying Sheng, Lianmin Zheng, Binhang Yuan, Zhuohan Li, Max Ryabinin, Daniel Y. Fu, Zhiqiang Xie, "
                     "Beidi Chen, Clark Barrett, Joseph E. Gonzalez, Percy Liang, Christopher Ré, Ion Stoica, Ce Zhang",
          .title = "FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
          .year = 2023,
          .arxiv = "2303.06865",
          .publishedMoved = "(2 + S + k)·d elements per KV head, as the SparQ authors count it (dense: 2·S·d + 2·d)",
          .publishedHeld = {},
          .results = {}},
    Paper{.key = "gqa",
          .authors = "Joshua Ainslie, James Lee-Thorp, Michiel de Jong, Yury Zemlyanskiy, Federico Lebrón, "
                     "Sumit Sanghai",
          .title = "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
          .year = 2023,
          .arxiv = "2305.13245",
          .publishedMoved = {},
          .publishedHeld = {},
          .results = {}},
    Paper{
        .key = "scissorhands",
        .authors =
            "Zichang Liu, Aditya Desai, Fangshuo Liao, Weitao Wang, Victor Xie, Zhaozhuo Xu, Anastasios "
            "Kyrillidis, Anshumali Shrivastava",
        .title =
            "Scissorhands: Exploiting the Persistence of Importance Hypothesis for LLM KV Cache Compression "
            "at Test Time",
        .year = 2023,
        .arxiv = "2305.17118",
        .publishedMoved = {},
        .publishedHeld = "a fixed budget of tokens per head, more in higher layers",
        .results = kScissorhandsResults},
    Paper{.key = "awq",
          .authors = "Ji Lin, Jiaming Tang, Haotian Tang, Shang Yang, Wei-Ming Chen, Wei-Chen Wang, Guangxuan Xiao, "
                     "Xingyu Dang, Chuang Gan, Song Han",
          .title = "AWQ: Activation-aware Weight Quantization for On-Device LLM Compression and Acceleration",
          .year = 2023,
          .arxiv = "2306.00978",
          .publishedMoved = {},
          .publishedHeld = "4 or 3 bits per weight in groups of 128, each with a scale and a zero",
          .results = kAwqResults},
    Paper{.key = "h2o",
          .authors =
              "Zhenyu Zhang, Ying Sheng, Tianyi Zhou, Tianlong Chen, Lianmin Zheng, Ruisi Cai, Zhao Song, "
              "Yuandong Tian, Christopher Ré, Clark Barrett, Zhangyang Wang, Beidi Chen",
          .title = "H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models",
          .year = 2023,
          .arxiv = "2306.14048",
          .publishedMoved = {},
          .publishedHeld = "h heavy hitters and w recent tokens per head, whatever the length of the text",
          .results = kH2oResults},
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
    Paper{.key = "kvquant",
          .authors = "Coleman Hooper, Sehoon Kim, Hiva Mohammadzadeh, Michael W. Mahoney, Yakun Sophia Shao, "
                     "Kurt Keutzer, "
                     "Amir Gholami",
          .title = "KVQuant: Towards 10 Million Context Length LLM Inference with KV Cache Quantization",
          .year = 2024,
          .arxiv = "2401.18079",
          .publishedMoved = {},
          .publishedHeld =
              "b bits per number, 32 per outlier, and 32 per token in each layer's keys and values",
          .results = kKvquantResults},
    Paper{.key = "kivi",
          .authors = "Zirui Liu, Jiayi Yuan, Hongye Jin, Shaochen Zhong, Zhaozhuo Xu, Vladimir Braverman, "
                     "Beidi Chen, Xia Hu",
          .title = "KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache",
          .year = 2024,
          .arxiv = "2402.02750",
          .publishedMoved = {},
          .publishedHeld = "2 bits per number and a scale and a zero per 32; the newest tokens at 16 bits",
          .results = kKiviResults},
    Paper{.key = "qllm-eval",
          .authors = "Shiyao Li, Xuefei Ning, Luning Wang, Tengxuan Liu, Xiangsheng Shi, Shengen Yan, Guohao Dai, "
                     "Huazhong Yang, Yu Wang",
          .title = "Evaluating Quantized Large Language Models",
          .year = 2024,
          .arxiv = "2402.18158",
          .publishedMoved = {},
          .publishedHeld = "b bits per weight, or per value of K and V, in groups of 128, each with a scale and a zero",
          .results = kQllmEvalResults},
    Paper{.key = "snapkv",
          .authors =
              "Yuhong Li, Yingbing Huang, Bowen Yang, Bharat Venkitesh, Acyr Locatelli, Hanchen Ye, Tianle "
              "Cai, Patrick Lewis, Deming Chen",
          .title = "SnapKV: LLM Knows What You are Looking for Before Generation",
          .year = 2024,
          .arxiv = "2404.14469",
          .publishedMoved = {},
          .publishedHeld = "a fixed budget of the prompt's tokens per head, and what is generated",
          .results = kSnapkvResults},
    Paper{.key = "cq",
          .authors = "Tianyi Zhang, Jonah Yi, Zhaozhuo Xu, Anshumali Shrivastava",
          .title = "KV Cache is 1 Bit Per Channel: Efficient Large Language Model Inference with Coupled "
                   "Quantization",
          .year = 2024,
          .arxiv = "2405.03917",
          .publishedMoved = {},
          .publishedHeld = "b bits per c numbers, and 2^b centroids of c numbers per group of channels",
          .results = kCqResults},
    Paper{.key = "cla",
          .authors = "William Brandon, Mayank Mishra, Aniruddha Nrusimhan, Rameswar Panda, Jonathan Ragan-Kelley",
          .title = "Reducing Transformer Key-Value Cache Size with Cross-Layer Attention",
          .year = 2024,
          .arxiv = "2405.12981",
          .publishedMoved = "unchanged: every layer reads the KV it attends to",
          .publishedHeld = "1/s of the layers hold KV; the models are trained so, not converted",
          .results = kClaResults},
    Paper{.key = "quest",
          .authors = "Jiaming Tang, Yilong Zhao, Kan Zhu, Guangxuan Xiao, Baris Kasikci, Song Han",
          .title = "Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
          .year = 2024,
          .arxiv = "2406.10774",
          .publishedMoved = "1/page size + K/page count of the KV cache, K pages read",
          .publishedHeld = {},
          .results = {}},
    Paper{.key = "moa",
          .authors = "Tianyu Fu, Haofeng Huang, Xuefei Ning, Genghan Zhang, Boju Chen, Tianqi Wu, Hongyi Wang, Zixiao "
                     "Huang, Shiyao Li, Shengen Yan, Guohao Dai, Huazhong Yang, Yu Wang",
          .title = "Mixture of Attention Spans: Optimizing LLM Inference Efficiency with Heterogeneous Sliding-Window "
                   "Lengths",
          .year = 2024,
          .arxiv = "2406.14909",
          .publishedMoved = {},
          .publishedHeld = "S = α + β·N tokens per head, each head its own; N is the prompt and the tokens to come",
          .results = kMoaResults},
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
