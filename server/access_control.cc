#include "server/access_control.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "server/log_line.h"
#include "server/small_file.h"

namespace swoosh {

absl::StatusOr<std::unique_ptr<AccessControl>> AccessControl::Open(const std::string& path,
                                                                   ReloadMetrics* metrics) {
  auto control = absl::WrapUnique(new AccessControl(path, metrics));
  absl::MutexLock lock(&control->mutex_);
  if (control->policy_ == nullptr) return control->loaded_;
  return control;
}

AccessControl::AccessControl(std::string path, ReloadMetrics* metrics)
    : path_(std::move(path)), metrics_(metrics) {
  watch_ = std::make_unique<FileWatch>(std::vector<std::string>{path_}, kFileWatchInterval,
                                       [this] { Load(); });
}

void AccessControl::Load() {
  absl::StatusOr<std::string> text = ReadSmallFile(path_, kAccessFileBytesMax);
  absl::StatusOr<AccessPolicy> policy =
      text.ok() ? AccessPolicy::Parse(*text) : absl::StatusOr<AccessPolicy>(text.status());
  if (text.ok() && !policy.ok()) {
    policy = absl::InvalidArgumentError(absl::StrCat(path_, ": ", policy.status().message()));
  }
  metrics_->Count(policy.ok());
  if (policy.ok()) {
    LogLine(LogLevel::kInfo, "access_file_loaded")
        .With("path", path_)
        .With("identities", policy->size());
  } else {
    LogLine(LogLevel::kError, "access_file_refused").With("error", policy.status().message());
  }
  absl::MutexLock lock(&mutex_);
  loaded_ = policy.status();
  if (!policy.ok()) return;
  if (policy_ != nullptr) policy->Replace(*policy_);
  policy_ = std::make_shared<const AccessPolicy>(*std::move(policy));
}

absl::StatusOr<GrantPtr> AccessControl::Identify(const Credentials& credentials) const {
  std::shared_ptr<const AccessPolicy> policy;
  {
    absl::MutexLock lock(&mutex_);
    policy = policy_;
  }
  return policy->Identify(credentials);
}

}  // namespace swoosh
