#ifndef SWOOSH_SERVER_ANSWER_THREAD_H_
#define SWOOSH_SERVER_ANSWER_THREAD_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "core/state.h"
#include "server/change_feed.h"
#include "server/group_builder.h"
#include "server/metrics.h"
#include "server/serial_thread.h"
#include "server/submission.h"

namespace swoosh {

// Where the answers of an executor are made and given, one after the other: on the thread, in the
// order posted, or on a thread that can do so at once. Thread-safe.
class AnswerThread {
 public:
  // `on_answering` is called before a group is answered, with how many answers it has. `feed` and
  // `metrics` are not owned and outlive it.
  AnswerThread(const ChangeFeed* feed, Metrics* metrics, std::function<void(size_t)> on_answering);

  // Answers `group`, on the thread. Everything that its answers tell is durable, and `state` is the
  // committed one.
  void Post(std::unique_ptr<Group> group, std::shared_ptr<const State> state);
  // As SerialThread::TryBorrow; then AnswerAndReturn is to be called, which answers `group` on the
  // calling thread.
  bool TryBorrow() { return thread_.TryBorrow(); }
  void AnswerAndReturn(Group* group, const State& state);
  // As SerialThread::Post.
  bool Post(std::function<void()> run) { return thread_.Post(std::move(run)); }
  // As SerialThread::Stop.
  void Stop() { thread_.Stop(); }

 private:
  void Release(Group* group, const State& state);
  Answer MakeAnswer(PendingAnswer* pending, const State& state) const;
  void CountAnswers(const Group& group);

  const ChangeFeed* const feed_;
  Metrics* const metrics_;
  const std::function<void(size_t)> on_answering_;
  SerialThread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ANSWER_THREAD_H_
