#include "server/serving.h"

#include "core/errors.h"

namespace swoosh {

absl::Status DrainingError() {
  return MakeError(absl::StatusCode::kUnavailable, v1::DRAINING,
                   "the server is shutting down; connect again and send it again");
}

void Serving::Refuse(const absl::Status& why) {
  if (refusing_.load(std::memory_order_acquire)) return;
  refusal_ = why;
  refusing_.store(true, std::memory_order_release);
}

absl::StatusOr<const Backend*> Serving::Admit() const {
  if (refusing_.load(std::memory_order_acquire)) return refusal_;
  if (draining_.load(std::memory_order_acquire)) return DrainingError();
  const Backend* backend = backend_.load(std::memory_order_acquire);
  if (backend == nullptr) {
    return MakeError(absl::StatusCode::kUnavailable, v1::RECOVERING,
                     "the server is rebuilding its state from the log; send it again later");
  }
  return backend;
}

}  // namespace swoosh
