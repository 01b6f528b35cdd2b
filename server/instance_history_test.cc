#include "server/instance_history.h"

#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

constexpr size_t kAll = SIZE_MAX;

class InstanceHistoryTest : public testing::Test {
 protected:
  InstanceHistoryTest() { Call(RegisterCounter()); }

  uint64_t Call(v1::SubmitRequest request) {
    const Answer answer = server_.Call(std::move(request));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->index() : 0;
  }
  uint64_t Delete(absl::string_view id) {
    v1::SubmitRequest request;
    request.set_namespace_("default");
    request.add_transitions()->mutable_delete_instance()->set_instance_id(std::string(id));
    return Call(request);
  }
  absl::StatusOr<Instance> At(absl::string_view id, uint64_t index, bool with_context = true) {
    return InstanceAt(server_.feed(), *server_.executor().committed(), "default", id, index,
                      with_context);
  }
  absl::StatusOr<HistoryPage> History(absl::string_view id, uint64_t version,
                                      size_t records_max = kAll) {
    return ReadHistory(server_.feed(), "default", id, version, records_max, kAll);
  }
  static std::vector<uint64_t> Indexes(const HistoryPage& page) {
    std::vector<uint64_t> indexes;
    for (const CommittedRecordPtr& record : page.records) indexes.push_back(record->index());
    return indexes;
  }
  static double Count(const Instance& instance) {
    const Value* count = instance.context.Find("count");
    return count == nullptr ? -1 : count->as_number();
  }

  MemoryLog log_;
  ExecutorUnderTest server_{&log_};
};

using Indexed = std::vector<uint64_t>;

TEST_F(InstanceHistoryTest, IsAWalkBackFromTheNewest) {
  const uint64_t created = Call(CreateCounter("a"));
  Call(CreateCounter("b"));
  const uint64_t first = Call(SendTo("a", "inc"));
  Call(SendTo("b", "inc"));
  const uint64_t second = Call(SendTo("a", "inc"));
  const auto page = History("a", second);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(Indexes(*page), (Indexed{second, first, created}));
  EXPECT_EQ(page->next_version, 0u);
}

TEST_F(InstanceHistoryTest, PagesFollowEachOther) {
  Indexed expected = {Call(CreateCounter("a"))};
  for (int i = 0; i < 6; ++i) expected.insert(expected.begin(), Call(SendTo("a", "inc")));
  Indexed seen;
  uint64_t version = expected.front();
  while (version != 0) {
    const auto page = History("a", version, 3);
    ASSERT_TRUE(page.ok());
    ASSERT_LE(page->records.size(), 3u);
    for (const uint64_t index : Indexes(*page)) seen.push_back(index);
    version = page->next_version;
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(InstanceHistoryTest, EndsWhereTheLogWasTrimmed) {
  Call(CreateCounter("a"));
  const uint64_t first = Call(SendTo("a", "inc"));
  const uint64_t second = Call(SendTo("a", "inc"));
  ASSERT_TRUE(log_.TrimPrefix(first).ok());
  // The ring still has what was trimmed from the log; it must not depend on that.
  const auto page = History("a", second);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(Indexes(*page), (Indexed{second, first}));
  EXPECT_EQ(page->next_version, 0u);
  EXPECT_EQ(ReasonOf(History("a", first - 1).status()), v1::INDEX_TRIMMED);
}

TEST_F(InstanceHistoryTest, ARecordOfAnotherInstanceIsNotFound) {
  const uint64_t created = Call(CreateCounter("a"));
  EXPECT_EQ(ReasonOf(History("b", created).status()), v1::RECORD_NOT_FOUND);
  EXPECT_EQ(ReasonOf(ReadHistory(server_.feed(), "other", "a", created, 1, 1).status()),
            v1::RECORD_NOT_FOUND);
  EXPECT_EQ(ReasonOf(History("a", created + 5).status()), v1::INDEX_AHEAD);
}

TEST_F(InstanceHistoryTest, AnInstanceIsShownAsItWasAtEachIndex) {
  const uint64_t created = Call(CreateCounter("a"));
  const uint64_t counted = Call(SendTo("a", "inc"));
  const uint64_t said = Call(SendTo("a", "say"));  // leaves the context as it is
  const uint64_t counted_again = Call(SendTo("a", "inc"));
  const uint64_t ended = Call(SendTo("a", "end"));
  const std::vector<std::pair<uint64_t, double>> expected = {
      {created, 0}, {counted, 1}, {said, 1}, {counted_again, 2}, {ended, 2}};
  for (const auto& [index, count] : expected) {
    const auto instance = At("a", index);
    ASSERT_TRUE(instance.ok()) << instance.status();
    EXPECT_EQ(instance->version, index);
    EXPECT_EQ(Count(*instance), count) << index;
    EXPECT_EQ(instance->created_index, created);
    EXPECT_EQ(instance->create_time_us, kTestTimeUs);
    EXPECT_EQ(instance->status, index == ended ? v1::Instance::DONE : v1::Instance::RUNNING);
    EXPECT_EQ(instance->atomic_states.size(), 1u);
  }
  EXPECT_EQ(ReasonOf(At("a", created - 1).status()), v1::INSTANCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(At("a", ended + 1).status()), v1::INDEX_AHEAD);
}

TEST_F(InstanceHistoryTest, AnInstanceBetweenTwoChangesIsAsTheFirstLeftIt) {
  const uint64_t created = Call(CreateCounter("a"));
  const uint64_t other = Call(CreateCounter("b"));
  Call(SendTo("a", "inc"));
  const auto instance = At("a", other);
  ASSERT_TRUE(instance.ok());
  EXPECT_EQ(instance->version, created);
  EXPECT_EQ(Count(*instance), 0);
}

TEST_F(InstanceHistoryTest, ADeletedInstanceIsShownAsItWasAndIsGoneAfterwards) {
  const uint64_t created = Call(CreateCounter("a"));
  const uint64_t counted = Call(SendTo("a", "inc"));
  const uint64_t said = Call(SendTo("a", "say"));
  const uint64_t deleted = Delete("a");
  const uint64_t between = Call(CreateCounter("b"));
  EXPECT_EQ(At("a", counted)->version, counted);
  EXPECT_EQ(Count(*At("a", said)), 1);
  EXPECT_EQ(At("a", said)->created_index, created);
  EXPECT_EQ(ReasonOf(At("a", deleted).status()), v1::INSTANCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(At("a", between).status()), v1::INSTANCE_NOT_FOUND);

  const uint64_t again = Call(CreateCounter("a"));
  EXPECT_EQ(At("a", counted)->version, counted);
  EXPECT_EQ(ReasonOf(At("a", between).status()), v1::INSTANCE_NOT_FOUND);
  EXPECT_EQ(At("a", again)->created_index, again);
}

TEST_F(InstanceHistoryTest, WhatWasTrimmedIsOutOfRange) {
  Call(CreateCounter("a"));
  const uint64_t counted = Call(SendTo("a", "inc"));
  const uint64_t said = Call(SendTo("a", "say"));
  Call(SendTo("a", "inc"));
  ASSERT_TRUE(log_.TrimPrefix(said).ok());
  EXPECT_EQ(ReasonOf(At("a", counted).status()), v1::INDEX_TRIMMED);
  EXPECT_EQ(ReasonOf(At("a", said).status()), v1::INDEX_TRIMMED);  // its context is older
  const auto without_context = At("a", said, /*with_context=*/false);
  ASSERT_TRUE(without_context.ok()) << without_context.status();
  EXPECT_EQ(without_context->version, said);
}

}  // namespace
}  // namespace swoosh
