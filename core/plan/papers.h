#pragma once
// The literature behind the methods: what a paper card shows, beside the code that implements it.

#include <span>
#include <string_view>

namespace fovea {

struct Paper {
    std::string_view key;     // "sparq"
    std::string_view authors; // "Luka Ribar, Ivan Chelombiev, …"
    std::string_view title;
    int year = 0;           // of the first version
    std::string_view arxiv; // identifier, "2312.04985"
    // The paper's own account of the data one decode step moves, in elements per KV head. It may count
    // differently from Fovea's formula, and is never mixed with it. Empty: the paper gives none.
    std::string_view publishedMoved;
    std::string_view publishedHeld;            // cache capacity, in the paper's words; may be empty
    std::span<const std::string_view> results; // measured by its authors, each with its setting
};

// Every paper cited, in order of appearance.
std::span<const Paper> papers();
// Null when there is none of that key.
const Paper* findPaper(std::string_view key);

} // namespace fovea
