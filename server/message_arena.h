#ifndef SWOOSH_SERVER_MESSAGE_ARENA_H_
#define SWOOSH_SERVER_MESSAGE_ARENA_H_

#include <cstddef>
#include <memory>

#include "google/protobuf/arena.h"

namespace swoosh {

// As much as a small proposal takes when it is parsed, or its record.
inline constexpr size_t kMessageArenaBlockBytes = 1'024;

// An arena for the messages of one proposal: they are allocated one behind the other, whichever
// thread makes them, and freed together.
inline std::unique_ptr<google::protobuf::Arena> NewMessageArena() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = kMessageArenaBlockBytes;
  return std::make_unique<google::protobuf::Arena>(options);
}

}  // namespace swoosh

#endif  // SWOOSH_SERVER_MESSAGE_ARENA_H_
