#pragma once
// Memory for caches that are read end to end at every step. With pages of 4 KiB the walk through page tables costs
// a dense read a tenth of its speed (measured in CONTRIBUTING), so blocks are cut from pages of 2 MiB where the
// system has them to give; elsewhere this is ordinary memory.

#include <memory_resource>

namespace fovea {

// Blocks that share pages and are used again. Safe from any thread; lives as long as the program.
std::pmr::memory_resource* hugePageMemory();

// Asks for huge pages under [memory, memory + bytes), which begins at a multiple of kHugePage.
void adviseHugePages(void* memory, std::size_t bytes);
inline constexpr std::size_t kHugePage = 2 << 20;

} // namespace fovea
