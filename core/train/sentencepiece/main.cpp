// A program of its own around sentencepiece's trainer, because its library cannot share a process with
// Debian's libtorch (two protobufs). The trainer of core/train starts it.
//
//   fovea-sentencepiece train VOCABULARY [OPTION=VALUE …] < lines > model   learns a BPE vocabulary
//   fovea-sentencepiece encode MODEL < lines > ids            one line of ids for each line; for tests

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

class Lines final : public sentencepiece::SentenceIterator {
public:
    Lines() {
        for (std::string line; std::getline(std::cin, line);)
            m_lines.push_back(line);
    }
    bool done() const override { return m_next >= m_lines.size(); }
    void Next() override { ++m_next; }
    const std::string& value() const override { return m_lines[m_next]; }
    sentencepiece::util::Status status() const override { return {}; }

private:
    std::vector<std::string> m_lines;
    std::size_t m_next = 0;
};

// As Llama's vocabularies are made: no normalisation, every space kept, bytes for what has no piece.
// `changes` are the library's own options, "name=value", which tests set.
int train(const std::string& vocabulary, const std::vector<std::string>& changes) {
    Lines lines;
    std::string model;
    std::unordered_map<std::string, std::string> options = {{"model_type", "bpe"},
                                                            {"vocab_size", vocabulary},
                                                            {"byte_fallback", "true"},
                                                            {"unk_id", "0"},
                                                            {"bos_id", "1"},
                                                            {"eos_id", "2"},
                                                            {"pad_id", "-1"},
                                                            {"normalization_rule_name", "identity"},
                                                            {"remove_extra_whitespaces", "false"},
                                                            {"character_coverage", "0.9998"},
                                                            {"max_sentence_length", "1000000"},
                                                            {"minloglevel", "2"}};
    for (const std::string& change : changes)
        options[change.substr(0, change.find('='))] = change.substr(change.find('=') + 1);
    const auto status = sentencepiece::SentencePieceTrainer::Train(options, &lines, &model);
    if (!status.ok()) {
        std::cerr << status.ToString() << '\n';
        return 1;
    }
    std::cout.write(model.data(), static_cast<std::streamsize>(model.size())).flush();
    return std::cout ? 0 : 1;
}

int encode(const std::string& model) {
    sentencepiece::SentencePieceProcessor processor;
    if (const auto status = processor.Load(model); !status.ok()) {
        std::cerr << status.ToString() << '\n';
        return 1;
    }
    for (std::string line; std::getline(std::cin, line);) {
        std::vector<int> ids;
        processor.Encode(line, &ids).IgnoreError();
        for (const int id : ids)
            std::cout << id << ' ';
        std::cout << '\n';
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::string verb = argc >= 3 ? argv[1] : "";
    if (verb == "train")
        return train(argv[2], {argv + 3, argv + argc});
    if (verb == "encode" && argc == 3)
        return encode(argv[2]);
    std::cerr << "usage: fovea-sentencepiece train VOCABULARY [OPTION=VALUE …] | encode MODEL\n";
    return 2;
}
