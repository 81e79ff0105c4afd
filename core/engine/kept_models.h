#pragma once
// Models, or other things, made from a model, kept for the next run: at most kMost, the longest unused goes first, and none of those
// whose original nobody holds any more.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace fovea {

struct Model;

template <class Key, std::size_t kMost, class Made = Model>
class KeptModels {
public:
    // What make() made of `model` under `key`, now or before. Whoever wants one while another is made waits for it; null
    // when cancelled, or when make() was.
    template <class Make>
    std::shared_ptr<const Made> get(const std::shared_ptr<const Model>& model, const Key& key,
                                     const Make& make, const std::atomic<bool>& cancel) {
        std::unique_lock lock(m_mutex, std::defer_lock);
        while (!lock.try_lock_for(std::chrono::milliseconds(20)))
            if (cancel)
                return nullptr;
        dropClosedLocked();
        if (auto known = use(model, key))
            return known;
        // Room first: the one that goes is not held beside the one that comes.
        if (m_kept.size() >= kMost)
            m_kept.erase(m_kept.begin());
        std::shared_ptr<const Made> made = make();
        if (made)
            m_kept.push_back({model, key, made});
        return made;
    }
    // Null where it is not there, or one is being made.
    std::shared_ptr<const Made> find(const std::shared_ptr<const Model>& model, const Key& key) {
        const std::unique_lock lock(m_mutex, std::try_to_lock);
        return lock ? use(model, key) : nullptr;
    }
    // Those that somebody holds stay with them.
    void dropAll() {
        const std::lock_guard lock(m_mutex);
        m_kept.clear();
    }
    void dropClosed() {
        const std::unique_lock lock(m_mutex, std::try_to_lock);
        if (lock)
            dropClosedLocked();
    }

private:
    struct Kept {
        std::weak_ptr<const Model> of;
        Key key;
        std::shared_ptr<const Made> made;
    };

    void dropClosedLocked() {
        std::erase_if(m_kept, [](const Kept& one) { return one.of.expired(); });
    }
    // Moves what is found to the end.
    std::shared_ptr<const Made> use(const std::shared_ptr<const Model>& model, const Key& key) {
        const auto found = std::find_if(m_kept.begin(), m_kept.end(), [&](const Kept& one) {
            return one.key == key && one.of.lock() == model;
        });
        if (found == m_kept.end())
            return nullptr;
        std::rotate(found, found + 1, m_kept.end());
        return m_kept.back().made;
    }

    std::timed_mutex m_mutex; // held while one is made
    std::vector<Kept> m_kept; // the longest unused first
};

} // namespace fovea
