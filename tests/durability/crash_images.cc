#include "tests/durability/crash_images.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace swoosh {
namespace {

using Keep = CrashFileSystem::Keep;

// Of so many parts all combinations are taken.
constexpr size_t kPartsEnumeratedMax = 3;

const char* CallName(CrashFileSystem::Call call) {
  switch (call) {
    case CrashFileSystem::Call::kCreate:
      return "create";
    case CrashFileSystem::Call::kAppend:
      return "append";
    case CrashFileSystem::Call::kWriteAt:
      return "write_at";
    case CrashFileSystem::Call::kSync:
      return "sync";
    case CrashFileSystem::Call::kCreateDirectory:
      return "create_directory";
    case CrashFileSystem::Call::kRename:
      return "rename";
    case CrashFileSystem::Call::kLink:
      return "link";
    case CrashFileSystem::Call::kRemove:
      return "remove";
    case CrashFileSystem::Call::kSyncDirectory:
      return "sync_directory";
  }
  SWOOSH_CHECK(false);
}

}  // namespace

std::string DescribeCall(const CrashFileSystem::CallInfo& call) {
  return absl::StrCat(CallName(call.call), " ", call.path);
}

void CrashImageTaker::Watch(CrashFileSystem* disk, std::function<uint64_t()> acknowledged) {
  disk->SetHook(
      [this, disk, acknowledged = std::move(acknowledged)](const CrashFileSystem::CallInfo& call) {
        if (paused_) return;
        // Asked first: what is acknowledged meanwhile is not expected of the image.
        const uint64_t so_far = acknowledged();
        TakeAt(*disk, call, so_far);
      });
}

void CrashImageTaker::TakeAt(const CrashFileSystem& disk, const CrashFileSystem::CallInfo& call,
                             uint64_t acknowledged) {
  std::vector<CrashImage> taken;
  const std::string at = absl::StrCat("call ", call.number, ", ", DescribeCall(call), ", ");
  const auto add = [&](std::unique_ptr<CrashFileSystem> image, const std::string& what) {
    taken.push_back({std::move(image), acknowledged, at + what});
  };
  const size_t parts = disk.unsynced_parts();
  if (parts <= kPartsEnumeratedMax) {
    for (uint64_t kept = 0; kept < uint64_t{1} << parts; ++kept) {
      add(disk.CrashKeeping(kept), absl::StrCat("parts ", kept, " of ", parts));
    }
  } else {
    add(disk.Crash({Keep::kNothing, Keep::kNothing}), "nothing unsynced");
    add(disk.Crash({Keep::kEverything, Keep::kEverything}), "everything");
    add(disk.Crash({Keep::kEverything, Keep::kNothing}), "data without names");
    add(disk.Crash({Keep::kNothing, Keep::kEverything}), "names without data");
    for (size_t i = 0; i < random_images_; ++i) {
      const uint64_t seed = seed_ + call.number * random_images_ + i;
      const Keep data = seed % 3 == 0 ? Keep::kPrefix : Keep::kSubset;
      const Keep names = seed % 2 == 0 ? Keep::kPrefix : Keep::kSubset;
      add(disk.Crash({data, names, seed}), absl::StrCat("torn by seed ", seed));
    }
  }
  ++calls_;
  absl::MutexLock lock(&mutex_);
  for (CrashImage& image : taken) images_.push_back(std::move(image));
}

std::vector<CrashImage> CrashImageTaker::Take() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(images_, {});
}

}  // namespace swoosh
