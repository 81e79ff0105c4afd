#include "app/window/preferences.h"

#include <QDir>
#include <QFileInfo>

#include <array>
#include <cmath>

namespace fovea {

namespace {

constexpr std::array<const char*, 3> kThemes = {"system", "dark", "light"};

constexpr const char *kTheme = "theme", *kMemoryShare = "memory/share", *kCapture = "memory/capture",
                     *kThreads = "engine/threads", *kLeaveCore = "engine/leaveCore",
                     *kModelFolder = "models/folder", *kRecent = "models/recent", *kGeometry = "geometry",
                     *kLayout = "layout", *kLocked = "panelsLocked", *kTemperature = "sampler/temperature",
                     *kTopK = "sampler/topK", *kTopP = "sampler/topP", *kSeed = "sampler/seed";

// The file may have been written by hand or by another version: a number outside its range is not taken.
template <class Number>
void take(const QSettings& settings, const char* key, double low, double high, Number& into) {
    bool ok = false;
    const double value = settings.value(QLatin1String(key)).toDouble(&ok);
    if (ok && std::isfinite(value) && value >= low && value <= high)
        into = static_cast<Number>(value);
}

} // namespace

bool Preferences::operator==(const Preferences& o) const {
    return theme == o.theme && memoryShare == o.memoryShare && captureBudget == o.captureBudget &&
           threads == o.threads && leaveCore == o.leaveCore && modelFolder == o.modelFolder &&
           sampler.temperature == o.sampler.temperature && sampler.topK == o.sampler.topK &&
           sampler.topP == o.sampler.topP && sampler.seed == o.sampler.seed;
}

WindowMemory::WindowMemory(std::unique_ptr<QSettings> settings) : m_settings(std::move(settings)) {
    if (!m_settings)
        return;
    readPreferences();
    m_recent = m_settings->value(QLatin1String(kRecent)).toStringList().mid(0, kMostRecent);
    m_recent.removeAll(QString());
}

void WindowMemory::readPreferences() {
    Preferences& p = m_preferences;
    const QString theme = m_settings->value(QLatin1String(kTheme)).toString();
    for (std::size_t i = 0; i < kThemes.size(); ++i)
        if (theme == QLatin1String(kThemes[i]))
            p.theme = static_cast<ThemeChoice>(i);
    take(*m_settings, kMemoryShare, 0.05, 1, p.memoryShare);
    take(*m_settings, kCapture, 0, 1e15, p.captureBudget);
    take(*m_settings, kThreads, 0, 1024, p.threads);
    p.leaveCore = m_settings->value(QLatin1String(kLeaveCore), p.leaveCore).toBool();
    p.modelFolder = m_settings->value(QLatin1String(kModelFolder)).toString();
    take(*m_settings, kTemperature, 0, 2, p.sampler.temperature);
    take(*m_settings, kTopK, 0, 1e9, p.sampler.topK);
    take(*m_settings, kTopP, 0.01, 1, p.sampler.topP);
    take(*m_settings, kSeed, 0, 9e15, p.sampler.seed);
}

void WindowMemory::put(const char* key, const QVariant& value) {
    if (m_settings)
        m_settings->setValue(QLatin1String(key), value);
}

void WindowMemory::setPreferences(const Preferences& p) {
    m_preferences = p;
    put(kTheme, QLatin1String(kThemes[static_cast<std::size_t>(p.theme)]));
    put(kMemoryShare, p.memoryShare);
    put(kCapture, static_cast<qlonglong>(p.captureBudget));
    put(kThreads, p.threads);
    put(kLeaveCore, p.leaveCore);
    put(kModelFolder, p.modelFolder);
    put(kTemperature, static_cast<double>(p.sampler.temperature));
    put(kTopK, p.sampler.topK);
    put(kTopP, static_cast<double>(p.sampler.topP));
    put(kSeed, static_cast<qulonglong>(p.sampler.seed));
}

void WindowMemory::addRecentModel(const QString& path) {
    const QString whole = QDir::cleanPath(QFileInfo(path).absoluteFilePath());
    m_recent.removeAll(whole);
    m_recent.prepend(whole);
    m_recent = m_recent.mid(0, kMostRecent);
    put(kRecent, m_recent);
}

void WindowMemory::forgetRecentModels() {
    m_recent.clear();
    put(kRecent, m_recent);
}

QByteArray WindowMemory::geometry() const {
    return m_settings ? m_settings->value(QLatin1String(kGeometry)).toByteArray() : QByteArray();
}

QByteArray WindowMemory::layout() const {
    return m_settings ? m_settings->value(QLatin1String(kLayout)).toByteArray() : QByteArray();
}

bool WindowMemory::panelsLocked() const {
    return m_settings && m_settings->value(QLatin1String(kLocked), false).toBool();
}

void WindowMemory::setWindow(const QByteArray& geometry, const QByteArray& layout, bool panelsLocked) {
    put(kGeometry, geometry);
    put(kLayout, layout);
    put(kLocked, panelsLocked);
}

} // namespace fovea
