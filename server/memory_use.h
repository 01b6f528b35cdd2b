#ifndef SWOOSH_SERVER_MEMORY_USE_H_
#define SWOOSH_SERVER_MEMORY_USE_H_

#include <cstdint>

namespace swoosh {

// Bytes that this process could still take: of what the machine has available and what its control
// group (version 2) allows, the less. UINT64_MAX when that can't be told.
uint64_t MemoryFreeBytes();

// Bytes of this process that are in memory; 0 when that can't be told.
uint64_t MemoryUsedBytes();

// Gives back to the system what jemalloc holds free, at once and not over its ten seconds. It takes
// some milliseconds for each 100 MB of that. Does nothing with another allocator. Thread-safe.
void ReturnFreeMemory();

}  // namespace swoosh

#endif  // SWOOSH_SERVER_MEMORY_USE_H_
