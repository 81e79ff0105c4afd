#pragma once
// How a method's ATen truth reads the cache of one (owner layer, KV head). Rows and columns come back in fp32.
// Tests put a counting reader in between and hold its bytes against the formula and the ledger.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace fovea {

// The mean of the rows of `values` (S, d) that each row of `seen` (g, S) names -> (g, d); what is not seen takes no
// part, not even as 0 times it.
at::Tensor meansOf(const at::Tensor& values, const at::Tensor& seen);

class CacheReader {
public:
    virtual ~CacheReader() = default;

    virtual std::int64_t slots() const = 0;                            // S
    // The slots of the newest n tokens, ascending: the last ones, until evictions have mixed the order of
    // slots.
    virtual at::Tensor newest(std::int64_t n) const = 0;               // (n) int64
    virtual at::Tensor keys() = 0;                                     // (S, d)
    virtual at::Tensor values() = 0;                                   // (S, d)
    virtual at::Tensor keyRows(const at::Tensor& slots) = 0;           // (n) int64 -> (n, d)
    virtual at::Tensor valueRows(const at::Tensor& slots) = 0;         // (n) int64 -> (n, d)
    virtual at::Tensor keyColumns(const at::Tensor& components) = 0;   // (r) int64 -> (r, S)
    virtual at::Tensor valueMean() = 0;                                // (d)
    // Of what each query head of the group sees, `seen` (g, S) bool -> (g, d).
    virtual at::Tensor valueMeans(const at::Tensor& seen) = 0;
};

}  // namespace fovea
