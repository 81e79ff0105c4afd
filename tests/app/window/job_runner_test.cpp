#include <catch2/catch.hpp>

#include <stdexcept>
#include <thread>

#include "app/window/job_runner.h"
#include "tests/app/window/window_fixture.h"

using namespace fovea;
using namespace fovea::test;

TEST_CASE("A superseded job is told to stop and its result never arrives", "[window]") {
    JobRunner jobs;
    int first = 0, second = 0;
    std::atomic<bool> heard{false};
    jobs.start(Lane::Engine, "first", Supersede::Cancel, [&](Job& job) -> Deliver {
        while (!job.cancelled())
            std::this_thread::yield();
        heard = true;
        return [&first] { ++first; };
    });
    jobs.start(Lane::Engine, "second", Supersede::Cancel,
               [&](Job&) -> Deliver { return [&second] { ++second; }; });
    REQUIRE(waitUntil([&] { return jobs.idle(); }));
    CHECK(heard);
    CHECK(first == 0);
    CHECK(second == 1);
    CHECK(jobs.dropped() == 1);
}

TEST_CASE("A drag's requests never queue: what runs is shown, then only the newest", "[window]") {
    JobRunner jobs;
    std::vector<int> shown;
    std::atomic<bool> go{false};
    for (int i = 0; i < 20; ++i)
        jobs.start(Lane::Interactive, "replay", Supersede::Waiting, [&, i](Job&) -> Deliver {
            while (!go)
                std::this_thread::yield();
            return [&shown, i] { shown.push_back(i); };
        });
    go = true;
    REQUIRE(waitUntil([&] { return jobs.idle(); }));
    CHECK(shown == std::vector<int>{0, 19});
}

TEST_CASE("Exports wait for each other and all are done, in order", "[window]") {
    JobRunner jobs;
    std::vector<int> done;
    for (int i = 0; i < 5; ++i)
        jobs.start(Lane::Disk, "save", Supersede::Nothing,
                   [&, i](Job&) -> Deliver { return [&done, i] { done.push_back(i); }; });
    REQUIRE(waitUntil([&] { return jobs.idle(); }));
    CHECK(done == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("A stopped job ends early and its result counts", "[window]") {
    JobRunner jobs;
    int steps = 0, delivered = -1;
    jobs.start(Lane::Engine, "run", Supersede::Cancel, [&](Job& job) -> Deliver {
        while (!job.cancelled())
            ++steps;
        return [&, steps = steps] { delivered = steps; };
    });
    jobs.stop(Lane::Engine);
    REQUIRE(waitUntil([&] { return jobs.idle(); }));
    CHECK(delivered >= 0);
}

TEST_CASE("What a job throws becomes one line; a stale job's failure is nobody's business", "[window]") {
    JobRunner jobs;
    QStringList lines;
    QObject::connect(&jobs, &JobRunner::failed, [&](Lane, const QString& line) { lines << line; });
    jobs.start(Lane::Disk, "open", Supersede::Nothing,
               [](Job&) -> Deliver { throw std::runtime_error("the file ends early\nstack of a library"); });
    REQUIRE(waitUntil([&] { return jobs.idle(); }));
    CHECK(lines == QStringList{"the file ends early"});
    jobs.start(Lane::Engine, "run", Supersede::Cancel, [](Job& job) -> Deliver {
        while (!job.cancelled())
            std::this_thread::yield();
        throw std::runtime_error("cancelled");
    });
    jobs.cancel(Lane::Engine);
    REQUIRE(waitUntil([&] { return jobs.idle(); }));
    CHECK(lines.size() == 1);
}

TEST_CASE("Pictures on the way reach the interface at its own pace, the newest only", "[window]") {
    JobRunner jobs;
    int shown = 0, newest = -1;
    constexpr int kPublished = 5000;
    jobs.start(Lane::Engine, "run", Supersede::Cancel, [&](Job& job) -> Deliver {
        for (int i = 0; i < kPublished; ++i) {
            job.publish([&shown, &newest, i] {
                ++shown;
                newest = i;
            });
            if (i % 50 == 0)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return {};
    });
    REQUIRE(waitUntil([&] { return jobs.idle(); }));
    CHECK(shown >= 1);
    CHECK(shown < kPublished / 10);
    CHECK(newest == kPublished - 1);
}
