#pragma once
// What a user has chosen once and for all, apart from any experiment, and what the window remembers between
// two starts. Without a place to remember (the tour, tests) nothing of the user's is read or written.

#include <QByteArray>
#include <QSettings>
#include <QString>
#include <QStringList>

#include <cstdint>
#include <memory>

#include "core/engine/sampler.h"

namespace fovea {

enum class ThemeChoice : std::uint8_t { System, Dark, Light };

struct Preferences {
    ThemeChoice theme = ThemeChoice::Dark;
    double memoryShare = 0.8;                             // of the machine's memory, that a run may hold
    std::int64_t captureBudget = 512'000'000; // bytes
    int threads = 0;       // of the engine; 0: all processors, but for `leaveCore`
    bool leaveCore = true; // one processor is the interface's
    QString modelFolder;   // whose models the Models menu lists too
    // A small model that always takes the likeliest token soon repeats itself; a fixed seed repeats runs.
    SamplerOptions sampler{.temperature = 0.6f, .topP = 0.9f};

    bool operator==(const Preferences& other) const;
};

class WindowMemory {
public:
    static constexpr int kMostRecent = 10;

    // Null: starts from the defaults and forgets.
    explicit WindowMemory(std::unique_ptr<QSettings> settings = nullptr);

    // Values outside their range, and what is no value at all, are the defaults.
    const Preferences& preferences() const { return m_preferences; }
    void setPreferences(const Preferences& preferences);

    // Paths of models and runs, the newest first.
    const QStringList& recentModels() const { return m_recent; }
    void addRecentModel(const QString& path);
    void forgetRecentModels();

    // Empty when there is none.
    QByteArray geometry() const;
    QByteArray layout() const;
    bool panelsLocked() const;
    void setWindow(const QByteArray& geometry, const QByteArray& layout, bool panelsLocked);

private:
    void readPreferences();
    void put(const char* key, const QVariant& value);

    std::unique_ptr<QSettings> m_settings;
    Preferences m_preferences;
    QStringList m_recent;
};

} // namespace fovea
