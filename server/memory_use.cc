#include "server/memory_use.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>

// jemalloc's (jemalloc(3)); absent where the program has another allocator, as with sanitizers.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old_value, size_t* old_size,
                                     void* new_value, size_t new_size);

namespace swoosh {
namespace {

constexpr uint64_t kUnknown = UINT64_MAX;
constexpr uint64_t kKibibyte = 1'024;

// The number in a file of one; kUnknown for "max" and where there is none.
uint64_t NumberIn(const char* path) {
  std::ifstream file(path);
  uint64_t number = 0;
  return file >> number ? number : kUnknown;
}

uint64_t MachineFreeBytes() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  uint64_t kibibytes = 0;
  std::string unit;
  while (file >> name >> kibibytes) {
    if (name == "MemAvailable:") return kibibytes * kKibibyte;
    std::getline(file, unit);
  }
  return kUnknown;
}

// As seen from inside of a container.
uint64_t GroupFreeBytes() {
  const uint64_t bytes_max = NumberIn("/sys/fs/cgroup/memory.max");
  const uint64_t bytes = NumberIn("/sys/fs/cgroup/memory.current");
  if (bytes_max == kUnknown || bytes == kUnknown) return kUnknown;
  return bytes_max > bytes ? bytes_max - bytes : 0;
}

}  // namespace

uint64_t MemoryFreeBytes() { return std::min(MachineFreeBytes(), GroupFreeBytes()); }

uint64_t MemoryUsedBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  uint64_t resident_pages = 0;
  if (!(file >> pages >> resident_pages)) return 0;
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void ReturnFreeMemory() {
  // Of all arenas: jemalloc's MALLCTL_ARENAS_ALL.
  if (mallctl != nullptr) mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
}

}  // namespace swoosh
