#ifndef SWOOSH_SERVER_MEMORY_USE_H_
#define SWOOSH_SERVER_MEMORY_USE_H_

#include <cstdint>

namespace swoosh {

// Bytes that this process could still take: of what the machine has available and what its control
// group (version 2) allows, the less. UINT64_MAX when that can't be told.
uint64_t MemoryFreeBytes();

// Bytes of this process that are in memory; 0 when that can't be told.
uint64_t MemoryUsedBytes();

}  // namespace swoosh

#endif  // SWOOSH_SERVER_MEMORY_USE_H_
