#include "tests/app/kill/left_files.h"

#include <QImage>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/model/model.h"
#include "core/tokenizer/tokenizer.h"
#include "core/trace/file_writer.h"
#include "core/train/state.h"
#include "core/train/training_log.h"
#include "tests/support/temporary_folder.h"

namespace fovea {

namespace {

void need(bool holds, const char* what) {
    if (!holds)
        throw std::runtime_error(what);
}

// Every line ended, and as many fields in each as the first names.
void openCsv(const std::string& text) {
    need(!text.empty() && text.back() == '\n', "its last line is cut off");
    std::size_t columns = 0, commas = 0;
    bool quoted = false;
    for (const char c : text) {
        quoted ^= c == '"';
        if (quoted)
            continue;
        commas += c == ',';
        if (c != '\n')
            continue;
        if (columns == 0)
            columns = commas + 1;
        need(commas + 1 == columns, "a line has other fields than the first");
        commas = 0;
    }
    need(!quoted, "a quotation does not end");
}

void openModel(const std::filesystem::path& folder) {
    const auto model = loadModel(folder);
    loadTokenizer(folder, {}, model->spec.vocabulary);
}

void open(const std::filesystem::path& file) {
    const std::string name = file.filename().string(), extension = file.extension().string();
    if (name == "training.state")
        TrainingStateFile(file).verify();
    else if (name == "training.jsonl")
        TrainingLogReader(file).poll();
    else if (name == "config.json")
        openModel(file.parent_path()); // the whole folder: config.json says that it is one
    else if (extension == ".json")
        need(nlohmann::json::accept(contentOf(file)), "no whole JSON");
    else if (extension == ".csv")
        openCsv(contentOf(file));
    else if (extension == ".png")
        need(!QImage(QString::fromStdString(file.string())).isNull(), "no picture");
    else if (extension == ".safetensors")
        SafetensorsFile{file};
    else if (extension == ".md")
        need(!contentOf(file).empty(), "empty");
    else if (name != "tokenizer.model") // opened with its folder
        throw std::runtime_error("not a name that the program gives");
}

} // namespace

LeftFiles openAll(const std::filesystem::path& folder) {
    LeftFiles left;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (isTemporary(entry.path())) {
            ++left.temporaries;
            continue;
        }
        try {
            open(entry.path());
            ++left.opened;
        } catch (const std::exception& failure) {
            if (left.broken.empty())
                left.broken = entry.path().filename().string() + ": " + failure.what();
        }
    }
    return left;
}

} // namespace fovea
