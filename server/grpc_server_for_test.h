#ifndef SWOOSH_SERVER_GRPC_SERVER_FOR_TEST_H_
#define SWOOSH_SERVER_GRPC_SERVER_FOR_TEST_H_

#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/active_streams.h"
#include "server/executor_for_test.h"
#include "server/grpc_server.h"
#include "server/guard_resolver.h"
#include "server/metrics.h"
#include "server/reader.h"
#include "server/root_leases.h"
#include "server/serving.h"
#include "server/watch_message_cache.h"
#include "server/watch_session.h"
#include "server/worker_pool.h"
#include "storage/memory_log.h"

namespace swoosh {

// The gRPC server in this process, on a log that the test holds back and fails. It listens on
// loopback, and still recovers until the test calls Begin.
class GrpcServerFixture : public testing::Test {
 protected:
  void SetUp() override {
    GrpcServer::Parts parts = {&serving_, &metrics_, &streams_, &readers_, &watchers_};
    parts.ages = ages_;
    auto started = GrpcServer::Start({"127.0.0.1", 0}, parts);
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    backend_.executor = &executor_;
    backend_.guards = &guards_;
    backend_.feed = &under_test_.feed();
    backend_.reader = &reader_;
    backend_.watch = {[this] { return executor_.committed(); }, &under_test_.feed(), &cache_,
                      kTestHistoryId};
  }
  void TearDown() override {
    log_.Open();
    if (server_ != nullptr) server_->Shutdown(absl::Seconds(5));
  }

  void Begin() {
    serving_.Begin(&backend_);
    server_->SetServing(true);
  }

  ConnectionAges ages_;  // to be set before SetUp
  MemoryLog memory_log_;
  GatedLog log_{&memory_log_};
  ExecutorUnderTest under_test_{&log_};
  Executor& executor_ = under_test_.executor();
  GuardResolver guards_{&executor_, &under_test_.window(), nullptr};
  RootLeases leases_;
  WatchMessageCache cache_{kTestHistoryId};
  Reader reader_{[this] { return executor_.committed(); }, &under_test_.feed(), &leases_,
                 kTestHistoryId};
  Metrics metrics_{"test"};
  Serving serving_{absl::Now()};
  WorkerPool readers_{"read", 2, 64};
  WorkerPool watchers_{"watch", 2, 2 * kWatchersMax};
  ActiveStreams streams_{kWatchTickInterval};
  Backend backend_;
  std::unique_ptr<GrpcServer> server_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GRPC_SERVER_FOR_TEST_H_
