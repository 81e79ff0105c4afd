#pragma once
// Kernels that are wrong on purpose, each in one way, for blocks of 128 threads and 512 bytes of shared
// memory. What a GPU would do with them is hang, or give the right answer on most days.

namespace fovea::cuda::planted {

// out (128) = 127 … 0 through shared memory: what the others try to do.
void reverseRight(float* out);

void barrierLeftOut(float* out);          // reads what another thread may not have written yet
void broadcastWithoutBarrier(float* out); // thread 0 writes, all read: right when thread 0 comes first
void barrierForHalfTheBlock(float* out);
void barrierAfterSomeLeft(float* out);
void twoBarriersForOne(float* out); // the halves of an if wait at one each
void indexPastTheEnd(float* out);
void indexIntoTheNextArray(float* out); // within the block's memory: invisible to a memory checker
void moreSharedThanAskedFor(float* out);
void shuffleByHalfAWarp(float* out);
void sharedReadUnwritten(float* out);
void countWithoutAtomics(float* out); // all threads: count = count + 1
void countAtomically(float* out);     // each lane tells its warp its number, and the block counts: right
void countReadTooEarly(float* out);   // an atomic count, read before all have counted
void countFromNothing(float* out);    // an atomic count that nobody has set to 0
void multiplyRight(float* out); // out (16, 8) of one warp = a (16, 16) · b (16, 8) of small whole numbers
void multiplyByHalfAWarp(float* out); // a product that half of the lanes miss
void blocksShareACell(float* out);    // each block adds to out[0]

} // namespace fovea::cuda::planted
