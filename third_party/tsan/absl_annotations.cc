// Tells ThreadSanitizer what Debian's libabsl_synchronization and libabsl_status do.
//
// The shared libraries are not instrumented, so without this file every access guarded by an
// absl::Mutex, ours or gRPC's, would be reported as a race, and so would the end of a status of
// which two threads had copies. The functions below take the place of
// the library's, in this program and in every shared library it loads: each announces the
// happens-before edge and calls the library's own.
//
// What that can't see: locks are modelled as edges and not as mutexes, so lock-order inversions of
// absl::Mutex are not found, and two readers of one mutex count as ordered.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace {

// The library's own function of that mangled name.
void* LibraryFunction(const char* mangled) {
  void* function = dlsym(RTLD_NEXT, mangled);
  if (function == nullptr) {
    std::fprintf(stderr, "third_party/tsan: %s is not in Debian's libabsl\n", mangled);
    std::abort();
  }
  return function;
}

template <typename Signature>
Signature* Library(const char* mangled) {
  return reinterpret_cast<Signature*>(LibraryFunction(mangled));
}

// A condition is evaluated with the mutex held, but by whichever thread is about to release it. So
// who waits releases what it has written, this struct among it, before it waits; and what is read
// here before the acquiring is not looked at. (A void* lets the library itself make the call.)
struct HeldCondition {
  absl::Mutex* mu;
  const absl::Condition* condition;

  __attribute__((no_sanitize("thread"))) static bool Eval(void* argument) {
    const auto* held = static_cast<const HeldCondition*>(argument);
    __tsan_acquire(held->mu);
    const bool result = held->condition->Eval();
    __tsan_release(held->mu);
    return result;
  }
};

// Notification's second member, the flag that HasBeenNotified() reads inline.
void* NotifiedFlag(const absl::Notification* notification) {
  return const_cast<char*>(reinterpret_cast<const char*>(notification)) + sizeof(absl::Mutex);
}

}  // namespace

// Member functions are called as functions that take `this` first: that is the platform's ABI.
#define LIBRARY(result, mangled, ...) \
  static auto* const library = Library<result(__VA_ARGS__)>("_ZN4absl7debian3" mangled)
#define LIBRARY_CONST(result, mangled, ...) \
  static auto* const library = Library<result(__VA_ARGS__)>("_ZNK4absl7debian3" mangled)

#pragma clang diagnostic ignored "-Wthread-safety-analysis"

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  LIBRARY(void, "5Mutex4LockEv", Mutex*);
  library(this);
  __tsan_acquire(this);
}

void Mutex::Unlock() {
  LIBRARY(void, "5Mutex6UnlockEv", Mutex*);
  __tsan_release(this);
  library(this);
}

bool Mutex::TryLock() {
  LIBRARY(bool, "5Mutex7TryLockEv", Mutex*);
  const bool locked = library(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::ReaderLock() {
  LIBRARY(void, "5Mutex10ReaderLockEv", Mutex*);
  library(this);
  __tsan_acquire(this);
}

void Mutex::ReaderUnlock() {
  LIBRARY(void, "5Mutex12ReaderUnlockEv", Mutex*);
  __tsan_release(this);
  library(this);
}

bool Mutex::ReaderTryLock() {
  LIBRARY(bool, "5Mutex13ReaderTryLockEv", Mutex*);
  const bool locked = library(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::LockWhen(const Condition& cond) {
  LIBRARY(void, "5Mutex8LockWhenERKNS0_9ConditionE", Mutex*, const Condition&);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  library(this, Condition(&HeldCondition::Eval, &held));
  __tsan_acquire(this);
}

bool Mutex::LockWhenWithTimeout(const Condition& cond, Duration timeout) {
  LIBRARY(bool, "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE", Mutex*,
          const Condition&, Duration);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  const bool result = library(this, Condition(&HeldCondition::Eval, &held), timeout);
  __tsan_acquire(this);
  return result;
}

bool Mutex::LockWhenWithDeadline(const Condition& cond, Time deadline) {
  LIBRARY(bool, "5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE", Mutex*,
          const Condition&, Time);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  const bool result = library(this, Condition(&HeldCondition::Eval, &held), deadline);
  __tsan_acquire(this);
  return result;
}

void Mutex::ReaderLockWhen(const Condition& cond) {
  LIBRARY(void, "5Mutex14ReaderLockWhenERKNS0_9ConditionE", Mutex*, const Condition&);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  library(this, Condition(&HeldCondition::Eval, &held));
  __tsan_acquire(this);
}

bool Mutex::ReaderLockWhenWithTimeout(const Condition& cond, Duration timeout) {
  LIBRARY(bool, "5Mutex25ReaderLockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE", Mutex*,
          const Condition&, Duration);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  const bool result = library(this, Condition(&HeldCondition::Eval, &held), timeout);
  __tsan_acquire(this);
  return result;
}

bool Mutex::ReaderLockWhenWithDeadline(const Condition& cond, Time deadline) {
  LIBRARY(bool, "5Mutex26ReaderLockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE", Mutex*,
          const Condition&, Time);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  const bool result = library(this, Condition(&HeldCondition::Eval, &held), deadline);
  __tsan_acquire(this);
  return result;
}

void Mutex::Await(const Condition& cond) {
  LIBRARY(void, "5Mutex5AwaitERKNS0_9ConditionE", Mutex*, const Condition&);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  library(this, Condition(&HeldCondition::Eval, &held));
  __tsan_acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& cond, Duration timeout) {
  LIBRARY(bool, "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE", Mutex*,
          const Condition&, Duration);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  const bool result = library(this, Condition(&HeldCondition::Eval, &held), timeout);
  __tsan_acquire(this);
  return result;
}

bool Mutex::AwaitWithDeadline(const Condition& cond, Time deadline) {
  LIBRARY(bool, "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE", Mutex*, const Condition&,
          Time);
  HeldCondition held{this, &cond};
  __tsan_release(this);
  const bool result = library(this, Condition(&HeldCondition::Eval, &held), deadline);
  __tsan_acquire(this);
  return result;
}

// Copies share their message; the last one to go deletes it, after all that others did with it.
void Status::UnrefNonInlined(uintptr_t rep) {
  LIBRARY(void, "6Status15UnrefNonInlinedEm", uintptr_t);
  __tsan_release(reinterpret_cast<void*>(rep));
  __tsan_acquire(reinterpret_cast<void*>(rep));
  library(rep);
}

void CondVar::Wait(Mutex* mu) {
  LIBRARY(void, "7CondVar4WaitEPNS0_5MutexE", CondVar*, Mutex*);
  __tsan_release(mu);
  library(this, mu);
  __tsan_acquire(mu);
}

bool CondVar::WaitWithTimeout(Mutex* mu, Duration timeout) {
  LIBRARY(bool, "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE", CondVar*, Mutex*, Duration);
  __tsan_release(mu);
  const bool result = library(this, mu, timeout);
  __tsan_acquire(mu);
  return result;
}

bool CondVar::WaitWithDeadline(Mutex* mu, Time deadline) {
  LIBRARY(bool, "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE", CondVar*, Mutex*, Time);
  __tsan_release(mu);
  const bool result = library(this, mu, deadline);
  __tsan_acquire(mu);
  return result;
}

void Notification::Notify() {
  LIBRARY(void, "12Notification6NotifyEv", Notification*);
  __tsan_release(NotifiedFlag(this));
  library(this);
}

void Notification::WaitForNotification() const {
  LIBRARY_CONST(void, "12Notification19WaitForNotificationEv", const Notification*);
  library(this);
  __tsan_acquire(NotifiedFlag(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  LIBRARY_CONST(bool, "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE",
                const Notification*, Duration);
  const bool notified = library(this, timeout);
  if (notified) __tsan_acquire(NotifiedFlag(this));
  return notified;
}

bool Notification::WaitForNotificationWithDeadline(Time deadline) const {
  LIBRARY_CONST(bool, "12Notification31WaitForNotificationWithDeadlineENS0_4TimeE",
                const Notification*, Time);
  const bool notified = library(this, deadline);
  if (notified) __tsan_acquire(NotifiedFlag(this));
  return notified;
}

bool BlockingCounter::DecrementCount() {
  LIBRARY(bool, "15BlockingCounter14DecrementCountEv", BlockingCounter*);
  __tsan_release(this);
  const bool last = library(this);
  if (last) __tsan_acquire(this);
  return last;
}

void BlockingCounter::Wait() {
  LIBRARY(void, "15BlockingCounter4WaitEv", BlockingCounter*);
  library(this);
  __tsan_acquire(this);
}

ABSL_NAMESPACE_END
}  // namespace absl
