// Damage to a store, one piece at a time: each byte with a bit flipped, each sector zeroed, swapped
// with another or replaced by an older self, each file at an older self, cut off or gone. The store
// is small and has of everything: log files, tables, two snapshots, the mark, a trimmed beginning.
//
// Each damaged store must either open with all that was acknowledged and nothing else, or be
// refused as damaged, by name; where records are hit, with the index of the first bad one.
//
//   --seed=N     of the store, the bits, the partners
//   --every=N    tries one case of so many (a part of the campaign)
//   --offset=N   which one of them
//   --only=TEXT  tries the cases whose description holds TEXT, and shows what came of each
//
// Prints a JSON line; exits with 1 where anything is lost, wrong or not named.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/check.h"
#include "server/store_server_for_test.h"
#include "storage/crash_file_system.h"
#include "storage/file_system.h"
#include "storage/shared_bytes.h"
#include "tests/durability/store_check.h"
#include "tests/durability/workload.h"
#include "tests/durability/written_history.h"

ABSL_FLAG(uint64_t, seed, 1, "Of the store, the bits and the partners.");
ABSL_FLAG(uint64_t, every, 1, "Try one case of so many.");
ABSL_FLAG(uint64_t, offset, 0, "Which one of them.");
ABSL_FLAG(std::string, only, "", "Try the cases whose description holds this, and show them.");

namespace swoosh {
namespace {

constexpr int kBursts = 70;
constexpr int kBurstMax = 8;
constexpr int kBurstsARestart = 12;
constexpr uint64_t kDataBytesMax = 250;
constexpr size_t kFileBytesMax = 4'194'304;
// Up to here each length is tried.
constexpr size_t kSmallFileBytes = 4'096;
constexpr int kProblemsShownMax = 40;

// A store, and what its files once held.
class DamagedStore {
 public:
  explicit DamagedStore(uint64_t seed) : workload_(seed, kDataBytesMax) { Make(); }

  struct File {
    std::string path;
    std::string bytes;
    std::vector<std::string> older;  // what it held before, each once
  };
  const std::vector<File>& files() const { return files_; }
  std::unique_ptr<CrashFileSystem> Copy() const { return disk_->Crash({}); }
  const WrittenHistory& history() const { return history_; }
  Workload& workload() { return workload_; }

 private:
  void Make();
  void NoteFiles(CrashFileSystem* disk, const std::string& directory);

  Workload workload_;
  WrittenHistory history_;
  std::unique_ptr<CrashFileSystem> disk_;  // as a killed process leaves it
  std::map<std::string, std::vector<std::string>> versions_;
  std::vector<File> files_;
};

void DamagedStore::Make() {
  CrashFileSystem disk;
  std::unique_ptr<StoreServer> server;
  for (int burst = 0; burst < kBursts; ++burst) {
    if (burst % kBurstsARestart == 0) {
      server.reset();
      server = StoreServer::Open(&disk, kCheckedStore, BusyStoreOptions(&history_)).value();
    }
    const int count = 1 + static_cast<int>(workload_.Below(kBurstMax));
    workload_.Send(server.get(), count, &history_);
    NoteFiles(&disk, kCheckedStore);
  }
  disk_ = disk.Crash({CrashFileSystem::Keep::kEverything, CrashFileSystem::Keep::kEverything});
  server.reset();
  versions_.erase(absl::StrCat(kCheckedStore, "/LOCK"));
  for (auto& [path, versions] : versions_) {
    const auto bytes = ReadWholeFile(disk_.get(), path, kFileBytesMax);
    if (!bytes.ok()) continue;  // removed since
    std::set<std::string> older(versions.begin(), versions.end());
    older.erase(*bytes);
    files_.push_back({path, *bytes, {older.begin(), older.end()}});
  }
}

void DamagedStore::NoteFiles(CrashFileSystem* disk, const std::string& directory) {
  const auto names = disk->List(directory);
  SWOOSH_CHECK(names.ok());
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(directory, "/", name);
    const auto bytes = ReadWholeFile(disk, path, kFileBytesMax);
    if (!bytes.ok()) {
      if (disk->List(path).ok()) NoteFiles(disk, path);
      continue;  // or removed meanwhile
    }
    std::vector<std::string>& versions = versions_[path];
    if (versions.empty() || versions.back() != *bytes) versions.push_back(*bytes);
  }
}

// "log", "table", "manifest", "current", "snapshot", …
std::string KindOf(const std::string& path) {
  if (absl::EndsWith(path, ".log")) return "log";
  if (absl::EndsWith(path, ".ldb")) return "table";
  if (absl::StrContains(path, "MANIFEST")) return "manifest";
  if (absl::StrContains(path, "snapshot-")) return "snapshot";
  return path.substr(path.rfind('/') + 1);
}

class Campaign {
 public:
  explicit Campaign(uint64_t seed) : store_(seed) {}

  void Run();
  bool Report() const;

 private:
  struct Counts {
    uint64_t whole = 0;
    uint64_t partly = 0;
    uint64_t named = 0;
    uint64_t unnamed = 0;
    uint64_t lost = 0;
    uint64_t wrong = 0;
    uint64_t sum() const { return whole + partly + named + unnamed + lost + wrong; }
  };

  void Flip(const DamagedStore::File& file);
  void Sectors(const DamagedStore::File& file);
  void OlderSelves(const DamagedStore::File& file);
  void Truncate(const DamagedStore::File& file);
  // `bytes` makes what the file then holds.
  void Try(const std::string& damage, const DamagedStore::File& file, const std::string& where,
           const std::function<std::string()>& bytes);
  void Delete(const DamagedStore::File& file);
  // Whether this case is one of those to be tried.
  bool Chosen(const std::string& description);
  void Check(CrashFileSystem* disk, const std::string& damage, const DamagedStore::File& file,
             const std::string& description);

  DamagedStore store_;
  uint64_t cases_ = 0;
  std::map<std::string, Counts> counts_;  // by damage and kind of file
  int shown_ = 0;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::string WithSector(std::string bytes, size_t sector, const std::string& from,
                       size_t from_sector) {
  for (size_t i = 0; i < kSectorBytes; ++i) {
    const size_t at = sector * kSectorBytes + i;
    const size_t from_at = from_sector * kSectorBytes + i;
    if (at >= bytes.size()) break;
    bytes[at] = from_at < from.size() ? from[from_at] : '\0';
  }
  return bytes;
}

size_t SectorsOf(const std::string& bytes) {
  return (bytes.size() + kSectorBytes - 1) / kSectorBytes;
}

void Campaign::Flip(const DamagedStore::File& file) {
  for (size_t at = 0; at < file.bytes.size(); ++at) {
    const int bit = static_cast<int>(store_.workload().Below(8));
    Try("flip", file, absl::StrCat("byte ", at, " bit ", bit), [&] {
      std::string bytes = file.bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
      return bytes;
    });
  }
}

void Campaign::Sectors(const DamagedStore::File& file) {
  const std::vector<DamagedStore::File>& files = store_.files();
  for (size_t sector = 0; sector < SectorsOf(file.bytes); ++sector) {
    const std::string where = absl::StrCat("sector ", sector);
    Try("zero", file, where, [&] { return WithSector(file.bytes, sector, "", 0); });
    const size_t partner = store_.workload().Below(SectorsOf(file.bytes));
    Try("swap", file, absl::StrCat(where, " with ", partner), [&] {
      return WithSector(WithSector(file.bytes, sector, file.bytes, partner), partner, file.bytes,
                        sector);
    });
    // A write that went astray.
    const DamagedStore::File& other = files[store_.workload().Below(files.size())];
    if (other.bytes.empty()) continue;
    const size_t of_other = store_.workload().Below(SectorsOf(other.bytes));
    Try("misdirect", file, absl::StrCat(where, " from ", other.path, " sector ", of_other),
        [&] { return WithSector(file.bytes, sector, other.bytes, of_other); });
  }
}

void Campaign::OlderSelves(const DamagedStore::File& file) {
  std::set<std::string> tried;
  for (size_t version = 0; version < file.older.size(); ++version) {
    const std::string& older = file.older[version];
    const std::string of = absl::StrCat("version ", version, " of ", file.older.size());
    Try("older_file", file, of, [&] { return older; });
    for (size_t sector = 0; sector < SectorsOf(file.bytes); ++sector) {
      const std::string bytes = WithSector(file.bytes, sector, older, sector);
      if (bytes == file.bytes || !tried.insert(bytes).second) continue;
      Try("older_sector", file, absl::StrCat("sector ", sector, ", ", of), [&] { return bytes; });
    }
  }
}

void Campaign::Truncate(const DamagedStore::File& file) {
  for (size_t size = 0; size < file.bytes.size(); ++size) {
    const size_t in_sector = size % kSectorBytes;
    if (file.bytes.size() > kSmallFileBytes && in_sector > 1 && in_sector < kSectorBytes - 1) {
      continue;
    }
    Try("truncate", file, absl::StrCat("to ", size), [&] { return file.bytes.substr(0, size); });
  }
}

void Campaign::Delete(const DamagedStore::File& file) {
  const std::string description = absl::StrCat("delete ", file.path);
  if (!Chosen(description)) return;
  const std::unique_ptr<CrashFileSystem> disk = store_.Copy();
  SWOOSH_CHECK(disk->Remove(file.path).ok());
  Check(disk.get(), "delete", file, description);
}

bool Campaign::Chosen(const std::string& description) {
  const bool chosen = cases_++ % absl::GetFlag(FLAGS_every) == absl::GetFlag(FLAGS_offset);
  return chosen && absl::StrContains(description, absl::GetFlag(FLAGS_only));
}

void Campaign::Try(const std::string& damage, const DamagedStore::File& file,
                   const std::string& where, const std::function<std::string()>& bytes) {
  const std::string description = absl::StrCat(damage, " ", file.path, " ", where);
  if (!Chosen(description)) return;
  const std::unique_ptr<CrashFileSystem> disk = store_.Copy();
  disk->Plant(file.path, bytes());
  Check(disk.get(), damage, file, description);
}

void Campaign::Check(CrashFileSystem* disk, const std::string& damage,
                     const DamagedStore::File& file, const std::string& description) {
  const StoreFinding finding = CheckStore(disk, store_.history(), store_.history().acknowledged());
  Counts& counts = counts_[absl::StrCat(damage, " ", KindOf(file.path))];
  std::string problem = finding.problem;
  switch (finding.verdict) {
    case StoreFinding::Verdict::kWhole:
      ++counts.whole;
      break;
    case StoreFinding::Verdict::kPartly:
      ++counts.partly;
      break;
    case StoreFinding::Verdict::kRefused:
      ++(NamesDamage(finding) ? counts.named : counts.unnamed);
      if (!NamesDamage(finding)) problem = absl::StrCat("not named: ", finding.status.ToString());
      break;
    case StoreFinding::Verdict::kLost:
      ++counts.lost;
      break;
    case StoreFinding::Verdict::kWrong:
      ++counts.wrong;
      break;
  }
  if (!absl::GetFlag(FLAGS_only).empty() && problem.empty()) {
    problem = finding.verdict == StoreFinding::Verdict::kWhole ? finding.report
                                                               : finding.status.ToString();
  } else if (problem.empty() || ++shown_ > kProblemsShownMax) {
    return;
  }
  std::cerr << description << ": " << problem << "\n";
}

void Campaign::Run() {
  for (const DamagedStore::File& file : store_.files()) {
    Delete(file);
    OlderSelves(file);
    Truncate(file);
    Sectors(file);
    Flip(file);
  }
}

bool Campaign::Report() const {
  Counts sum;
  uint64_t bytes = 0;
  for (const DamagedStore::File& file : store_.files()) bytes += file.bytes.size();
  for (const auto& [kind, counts] : counts_) {
    std::cerr << absl::StrFormat(
        "%-24s %7d tried: %7d whole, %6d partly, %7d named, %d unnamed, %d lost, %d wrong\n", kind,
        counts.sum(), counts.whole, counts.partly, counts.named, counts.unnamed, counts.lost,
        counts.wrong);
    sum.whole += counts.whole;
    sum.partly += counts.partly;
    sum.named += counts.named;
    sum.unnamed += counts.unnamed;
    sum.lost += counts.lost;
    sum.wrong += counts.wrong;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  std::cout << absl::StrFormat(
      "{\"campaign\": \"damage\", \"runs\": %d, \"lost\": %d, \"wrong\": %d, \"violations\": %d, "
      "\"whole\": %d, \"partly\": %d, \"named\": %d, \"files\": %d, \"bytes\": %d, \"records\": "
      "%d, \"seed\": %d, "
      "\"seconds\": %.0f}\n",
      sum.sum(), sum.lost, sum.wrong, sum.unnamed, sum.whole, sum.partly, sum.named,
      store_.files().size(), bytes, store_.history().acknowledged(), absl::GetFlag(FLAGS_seed),
      seconds);
  return sum.lost + sum.wrong + sum.unnamed == 0;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  swoosh::Campaign campaign(absl::GetFlag(FLAGS_seed));
  campaign.Run();
  return campaign.Report() ? 0 : 1;
}
