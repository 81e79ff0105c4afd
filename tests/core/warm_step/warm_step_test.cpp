// A warm decode step takes no memory: every global operator new of a step is counted, on all threads.

#include <ATen/Parallel.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "core/engine/session.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::randomTokens;

namespace {

std::atomic<bool> counting = false;
std::atomic<std::int64_t> taken = 0;

void* take(std::size_t bytes, std::size_t alignment) {
    if (counting)
        ++taken;
    const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
    return alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, whole)
                                                 : std::malloc(bytes ? bytes : 1);
}

void* takeOrThrow(std::size_t bytes, std::size_t alignment) {
    if (void* const memory = take(bytes, alignment))
        return memory;
    throw std::bad_alloc();
}

// How often memory is taken by a step of a text of 150 tokens and the 60 after it. No block of the cache is added there,
// and no list that grows with the text passes a power of two.
std::int64_t takenBySteps(const std::shared_ptr<const Model>& model, const char* plan) {
    Session session(model, parsePlan(plan), {});
    const auto tokens = randomTokens(240);
    const std::span<const int> all = tokens;
    REQUIRE(session.prefill(all.first(100), kGoOn));
    for (std::size_t i = static_cast<std::size_t>(session.tokens()); i < 150; ++i)
        session.step(tokens[i], i >= 110);
    taken = 0;
    counting = true;
    for (std::size_t i = 150; i < 210; ++i)
        session.step(tokens[i], true);
    counting = false;
    return taken;
}

} // namespace

void* operator new(std::size_t bytes) {
    return takeOrThrow(bytes, alignof(std::max_align_t));
}
void* operator new[](std::size_t bytes) {
    return takeOrThrow(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return takeOrThrow(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return takeOrThrow(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return take(bytes, alignof(std::max_align_t));
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return take(bytes, alignof(std::max_align_t));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

TEST_CASE("A warm step takes no memory, whatever is kept and read", "[core.warm_step]") {
    const auto model = randomModel({.context = 512});
    const int threads = at::get_num_threads();
    for (const int use : {1, 3}) {
        at::set_num_threads(use);
        for (const char* plan :
             {"dense", "store=bf16", "store=rtn", "store=rtn:bits=3,group=32 read=sparq:r=4,k=8",
              "store=kivi:bits=2,residual=32",
              "store=kivi:residual=32 keep=streaming:sinks=2,window=40 read=sparq:r=4,k=8",
              "store=rtn:bits=2,mode=sym keep=h2o:heavy=20,recent=20 read=topv:k=8", "weights=rtn store=rtn:bits=8", "acts=rtn",
              "weights=rtn acts=rtn:bits=4",
              "share=cla:2", "share=cla:2 read=sparq:r=4,k=8",
              "read=sparq:r=4,k=8", "read=sparq:r=4,k=8,alpha=off,select=logits",
              "read=topv:k=8", "read=quest:page=8,pages=4,skip=0", "keep=streaming:sinks=4,window=40",
              "keep=streaming:sinks=4,window=40,positions=cache",
              "keep=streaming:sinks=4,window=40 read=sparq:r=4,k=8",
              "keep=streaming:sinks=4,window=40 read=quest:page=8,pages=2,skip=1",
              "keep=lm-infinite:sinks=4,window=40", "keep=moa:alpha=20,beta=0,sinks=4,block=1,min=1",
              "keep=moa:spans=2x4/40+0N/20+0N*3/30+0N*4,sinks=4,block=1,min=1",
              "keep=moa:spans=2x4/40+0N/20+0N*3/30+0N*4,sinks=4,block=1,min=1 read=topv:k=8",
              "keep=moa:spans=2x4/40+0N/20+0N*3/30+0N*4,sinks=4,block=1,min=1 "
              "read=quest:page=8,pages=2,skip=0",
              "keep=h2o:heavy=20,recent=20", "keep=h2o:heavy=20,recent=20 read=topv:k=8",
              "keep=h2o:heavy=20,recent=20 read=quest:page=8,pages=2,skip=0",
              "keep=snapkv:budget=40,window=8"}) {
            INFO(plan << ", threads " << use);
            CHECK(takenBySteps(model, plan) == 0);
        }
    }
    at::set_num_threads(threads);
}

TEST_CASE("The count of what is taken counts", "[core.warm_step]") {
    taken = 0;
    counting = true;
    const auto number = std::make_unique<int>(3);
    counting = false;
    CHECK(taken == 1);
    CHECK(*number == 3);
    // A step that needs a new block takes it.
    const auto model = randomModel({.context = 1024});
    Session session(model, {}, {});
    REQUIRE(session.prefill(randomTokens(256), kGoOn));
    taken = 0;
    counting = true;
    session.step(1, true);
    counting = false;
    CHECK(taken > 0);
}
