#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "core/state_tree.h"

// Entries as small instances would be: a key of about 20 bytes, a value of 200, extra of 16.
namespace swoosh {
namespace {

constexpr size_t kValueBytes = 200;
constexpr size_t kExtraBytes = 16;
constexpr int64_t kGroupWhileLoading = 10'000;

std::string KeyOf(uint64_t number) { return absl::StrCat("instance/default/", number); }

// Numbers the value, so that none is as before.
void SetValue(uint64_t number, std::string* value) {
  value->replace(0, sizeof(number), reinterpret_cast<const char*>(&number), sizeof(number));
}

struct Loaded {
  StateTree tree;
  StateRoot root;  // as the server keeps the committed one
  size_t entry_bytes = 0;
};

void Load(int64_t count, int64_t group, Loaded* loaded) {
  std::string value(kValueBytes, 'v');
  const std::string extra(kExtraBytes, 'e');
  for (int64_t i = 0; i < count; ++i) {
    const std::string key = KeyOf(static_cast<uint64_t>(i));
    SetValue(static_cast<uint64_t>(i), &value);
    loaded->tree.Put(key, value, extra);
    loaded->entry_bytes += key.size() + value.size() + extra.size();
    if (i % group == group - 1) loaded->root = loaded->tree.Seal();
  }
  loaded->root = loaded->tree.Seal();
}

// The tree of `count` entries, kept from one benchmark to the next of that size.
Loaded& TreeOf(int64_t count) {
  static int64_t loaded_count = 0;
  static std::unique_ptr<Loaded> loaded;
  if (loaded_count != count) {
    loaded = std::make_unique<Loaded>();
    Load(count, kGroupWhileLoading, loaded.get());
    loaded_count = count;
  }
  return *loaded;
}

// Time a Put, with its part of Seal. range: entries, Puts a group.
void BM_PutExistingAndSeal(benchmark::State& state) {
  Loaded& loaded = TreeOf(state.range(0));
  std::mt19937_64 random(1);
  std::string value(kValueBytes, 'v');
  const std::string extra(kExtraBytes, 'e');
  int64_t left_in_group = state.range(1);
  for (auto _ : state) {
    const uint64_t number = random();
    SetValue(number, &value);
    loaded.tree.Put(KeyOf(number % static_cast<uint64_t>(state.range(0))), value, extra);
    if (--left_in_group > 0) continue;
    loaded.root = loaded.tree.Seal();
    left_in_group = state.range(1);
  }
  loaded.root = loaded.tree.Seal();
}
BENCHMARK(BM_PutExistingAndSeal)
    ->ArgNames({"entries", "group"})
    ->ArgsProduct({{1'000, 10'000, 100'000, 1'000'000}, {1, 100, 1'000, 10'000}});

void BM_Find(benchmark::State& state) {
  Loaded& loaded = TreeOf(state.range(0));
  std::mt19937_64 random(1);
  for (auto _ : state) {
    StateEntry entry;
    const std::string key = KeyOf(random() % static_cast<uint64_t>(state.range(0)));
    benchmark::DoNotOptimize(loaded.tree.Find(key, &entry));
    benchmark::DoNotOptimize(entry.value.data());
  }
}
BENCHMARK(BM_Find)->ArgName("entries")->Arg(1'000'000)->Arg(1'000);

// Time an entry.
void BM_Walk(benchmark::State& state) {
  const StateRoot root = TreeOf(state.range(0)).root;
  for (auto _ : state) {
    size_t bytes = 0;
    StateCursor next;
    root.Walk(
        {},
        [&bytes](const StateEntry& entry) {
          bytes += entry.value.size();
          return true;
        },
        &next);
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_Walk)->ArgName("entries")->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void BM_WalkPagesOf100(benchmark::State& state) {
  const StateRoot root = TreeOf(state.range(0)).root;
  StateCursor cursor;
  for (auto _ : state) {
    int left_in_page = 100;
    const auto visit = [&left_in_page](const StateEntry&) { return --left_in_page > 0; };
    if (!root.Walk(cursor, visit, &cursor)) cursor = {};
  }
}
BENCHMARK(BM_WalkPagesOf100)->ArgName("entries")->Arg(1'000'000);

void BM_FirstDifference(benchmark::State& state) {
  Loaded& loaded = TreeOf(state.range(0));
  const StateRoot before = loaded.root;
  static int64_t run = 0;  // the same value once more would be no difference
  loaded.tree.Put(KeyOf(0), absl::StrCat("changed ", ++run), "");
  loaded.root = loaded.tree.Seal();
  for (auto _ : state) {
    std::string key;
    benchmark::DoNotOptimize(StateRoot::FirstDifference(before, loaded.root, &key));
  }
}
BENCHMARK(BM_FirstDifference)->ArgName("entries")->Arg(1'000'000);

// Into an empty tree, hashes included; and the memory it takes beside the entries' own bytes.
// range: entries, Puts a group.
void BM_Load(benchmark::State& state) {
  double overhead_bytes = 0;
  for (auto _ : state) {
    auto loaded = std::make_unique<Loaded>();
    Load(state.range(0), state.range(1), loaded.get());
    state.PauseTiming();
    loaded->tree.Seal();
    overhead_bytes = static_cast<double>(loaded->tree.bytes_allocated() - loaded->entry_bytes) /
                     static_cast<double>(state.range(0));
    loaded.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
  state.counters["overhead_bytes_per_entry"] = overhead_bytes;
}
BENCHMARK(BM_Load)
    ->ArgNames({"entries", "group"})
    ->Args({1'000'000, 10'000})
    ->Args({1'000'000, 1'000'000})
    ->Unit(benchmark::kMillisecond);

// All entries were replaced while a root was held, and it is dropped: the time until its nodes are
// freed by Seals without edits, and the longest of these Seals.
void BM_SealAfterALongHeldRoot(benchmark::State& state) {
  auto loaded = std::make_unique<Loaded>();
  Load(state.range(0), kGroupWhileLoading, loaded.get());
  std::chrono::nanoseconds longest(0);
  for (auto _ : state) {
    state.PauseTiming();
    StateRoot held = loaded->root;
    Load(state.range(0), kGroupWhileLoading, loaded.get());
    held = StateRoot();
    state.ResumeTiming();
    size_t bytes_before = 0;
    do {
      bytes_before = loaded->tree.bytes_allocated();
      const auto start = std::chrono::steady_clock::now();
      loaded->root = loaded->tree.Seal();
      longest =
          std::max<std::chrono::nanoseconds>(longest, std::chrono::steady_clock::now() - start);
    } while (loaded->tree.bytes_allocated() < bytes_before);
  }
  state.counters["longest_seal_us"] = static_cast<double>(longest.count()) / 1'000;
}
BENCHMARK(BM_SealAfterALongHeldRoot)
    ->ArgName("entries")
    ->Arg(1'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace swoosh

BENCHMARK_MAIN();
