#pragma once
// OpenBLAS on one thread while one of these lives. It has threads of its own, of which libtorch does not know, and which
// spin when they are done: beside libtorch's they take from each other what cores there are, and small products wait for
// both (a prompt of 256 tokens took ten times as long).

namespace fovea {

class OneBlasThread {
public:
    OneBlasThread();
    ~OneBlasThread();
    OneBlasThread(const OneBlasThread&) = delete;
    OneBlasThread& operator=(const OneBlasThread&) = delete;
};

} // namespace fovea
