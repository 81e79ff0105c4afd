#pragma once
// OUT/training.jsonl: what a training has been through, one JSON object a line. It can be followed while the
// training runs, and stays when the state is gone.
//
//   {"kind":"begun","format":1,"model":"tiny","parameters":1072,"total_tokens":20480,"total_seconds":0}
//   {"kind":"step","step":10,"tokens":5120,"seconds":1.2,"done":0.25,"loss":5.1,"rate":0.01,"sequence":64,
//    "tokens_per_second":4100,"seconds_left":3.6}
//   {"kind":"held_out","step":20,"tokens":10240,"seconds":2.4,"loss":4.8,"best":true}
//   {"kind":"resumed",…} {"kind":"ended",…,"early":false}
//
// Losses are in nats per token; a step's is the mean over the graded tokens since the line before.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

struct TrainingEntry {
    enum class Kind : std::uint8_t { Begun, Step, HeldOut, Resumed, Ended };
    Kind kind = Kind::Step;
    std::int64_t step = 0, tokens = 0;
    double seconds = 0; // of training, all sittings together
    double loss = 0;    // Step, HeldOut
    // Step
    double done = 0, rate = 0, tokensPerSecond = 0, secondsLeft = 0;
    int sequence = 0;
    bool best = false;  // HeldOut: the lowest so far
    bool early = false; // Ended: cancelled
    // Begun; of the two totals one is above 0
    std::string model;
    std::int64_t parameters = 0, totalTokens = 0;
    double totalSeconds = 0;
};

// Without the newline.
std::string toJsonLine(const TrainingEntry& entry);
// Throws std::runtime_error, what is wrong with the line.
TrainingEntry parseTrainingEntry(std::string_view line);

std::filesystem::path trainingLogIn(const std::filesystem::path& out); // OUT/training.jsonl

// The end that is written to. Whole lines only: what a full disk cut off is taken back.
class TrainingLog {
public:
    // Throws ExportError when the file cannot be written, and when another training writes to it.
    explicit TrainingLog(const std::filesystem::path& file);
    ~TrainingLog();
    TrainingLog(const TrainingLog&) = delete;
    TrainingLog& operator=(const TrainingLog&) = delete;

    // Forgets what was written behind byte `length`; false where there are not so many.
    bool cutTo(std::int64_t length);
    // Throws ExportError, the log being as it was.
    void add(std::string_view line);
    // On the disk. Throws ExportError.
    void sync() const;
    std::int64_t length() const { return m_length; }

private:
    std::filesystem::path m_file;
    int m_fd = -1;
    std::int64_t m_length = 0;
};

// Whether a living process writes to the log.
bool isTrainingLogWritten(const std::filesystem::path& file);

// The end that is read from, while others write.
class TrainingLogReader {
public:
    explicit TrainingLogReader(std::filesystem::path file) : m_file(std::move(file)) {}

    // Reads what has been added since; true when there was anything. A log that was cut or begun anew is read
    // from its beginning. Throws std::runtime_error, one line: which file, which line, what to do.
    bool poll();
    const std::vector<TrainingEntry>& entries() const { return m_entries; }
    const std::filesystem::path& file() const { return m_file; }

private:
    void begin();

    std::filesystem::path m_file;
    std::vector<TrainingEntry> m_entries;
    std::string m_last; // the line before m_offset, with its newline
    std::uint64_t m_offset = 0, m_inode = 0;
};

} // namespace fovea
