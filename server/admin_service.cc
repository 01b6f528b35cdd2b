#include "server/admin_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "google/protobuf/util/time_util.h"
#include "server/backup_reactor.h"
#include "server/byte_buffer_conversion.h"
#include "server/grant.h"
#include "server/status_conversion.h"
#include "server/unary_call.h"
#include "server/version.h"

namespace swoosh {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kNanosPerSecond = 1'000'000'000;
constexpr char kService[] = "swoosh.v1.Admin";

// Parses the request of a call that was admitted. Null after having answered why not.
template <typename Request>
const Backend* Begin(const absl::StatusOr<AdmittedCall>& admitted, const grpc::ByteBuffer& bytes,
                     UnaryCall* call, Request* request) {
  absl::Status status = admitted.status();
  if (status.ok()) status = ParseRequest(bytes, request);
  if (status.ok()) return admitted->backend;
  call->Fail(status);
  return nullptr;
}

v1::ServerStatus StatusOf(const Backend& backend, absl::Time start_time) {
  v1::ServerStatus status;
  status.set_version(kVersion);
  status.set_first_index(backend.feed->first_index());
  status.set_commit_index(backend.executor->committed()->index());
  status.set_last_snapshot_index(backend.snapshotter->last_index());
  status.set_request_window(backend.executor->window_records());
  status.set_fenced(backend.executor->fenced());
  *status.mutable_start_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(start_time));
  status.set_recovery(backend.recovery_report);
  if (const Verifier::Verified verified = backend.verifier->last(); verified.index > 0) {
    status.set_verified_index(verified.index);
    *status.mutable_verified_time() =
        TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(verified.time));
  }
  return status;
}

absl::StatusOr<int64_t> TimeToAdvanceTo(const Backend& backend,
                                        const v1::AdvanceClockRequest& request) {
  if (backend.manual_clock == nullptr) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::CLOCK_NOT_MANUAL,
                     "the server does not run with --clock=manual");
  }
  if (!request.has_to()) return InvalidField("to", "is required");
  if (request.to().seconds() < TimeUtil::kTimestampMinSeconds ||
      request.to().seconds() > TimeUtil::kTimestampMaxSeconds || request.to().nanos() < 0 ||
      request.to().nanos() >= kNanosPerSecond) {
    return InvalidField("to", "must be from 0001-01-01 to 9999-12-31, with 0 to 999,999,999 nanos");
  }
  return TimeUtil::TimestampToMicroseconds(request.to());
}

}  // namespace

AdminService::AdminService(const CallAdmission* admission, absl::Time start_time, Metrics* metrics,
                           ActiveStreams* streams, WorkerPool* backup_workers,
                           const UnaryCall::Shared& calls)
    : admission_(admission),
      start_time_(start_time),
      streams_(streams),
      backup_workers_(backup_workers),
      calls_(calls),
      get_status_(metrics->ForRpc("unary", kService, "GetStatus")),
      take_snapshot_(metrics->ForRpc("unary", kService, "TakeSnapshot")),
      trim_log_(metrics->ForRpc("unary", kService, "TrimLog")),
      advance_clock_(metrics->ForRpc("unary", kService, "AdvanceClock")),
      backup_(metrics->ForRpc("server_stream", kService, "Backup")),
      verify_(metrics->ForRpc("unary", kService, "Verify")) {}

grpc::ServerUnaryReactor* AdminService::GetStatus(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(calls_, &get_status_, context, response);
  v1::GetStatusRequest parsed;
  if (const Backend* backend =
          Begin(admission_->Admit(*context, "GetStatus", v1::READER), *request, call, &parsed)) {
    call->Answer(StatusOf(*backend, start_time_));
  }
  return call;
}

grpc::ServerUnaryReactor* AdminService::TakeSnapshot(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(calls_, &take_snapshot_, context, response);
  v1::TakeSnapshotRequest parsed;
  if (const Backend* backend = Begin(admission_->Admit(*context, "TakeSnapshot", v1::OPERATOR),
                                     *request, call, &parsed)) {
    backend->snapshotter->TakeNow([call](absl::StatusOr<Snapshotter::Taken> taken) {
      if (!taken.ok()) return call->Fail(taken.status());
      v1::TakeSnapshotResponse message;
      message.set_index(taken->index);
      message.set_state_hash(std::string(AsBytes(taken->state_hash)));
      call->Answer(message);
    });
  }
  return call;
}

grpc::ServerUnaryReactor* AdminService::TrimLog(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(calls_, &trim_log_, context, response);
  v1::TrimLogRequest parsed;
  if (const Backend* backend =
          Begin(admission_->Admit(*context, "TrimLog", v1::OPERATOR), *request, call, &parsed)) {
    backend->executor->TrimTo(parsed.first_kept(), [call](absl::StatusOr<uint64_t> first_index) {
      if (!first_index.ok()) return call->Fail(first_index.status());
      v1::TrimLogResponse message;
      message.set_first_index(*first_index);
      call->Answer(message);
    });
  }
  return call;
}

grpc::ServerUnaryReactor* AdminService::AdvanceClock(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(calls_, &advance_clock_, context, response);
  v1::AdvanceClockRequest parsed;
  const Backend* backend =
      Begin(admission_->Admit(*context, "AdvanceClock", v1::OPERATOR), *request, call, &parsed);
  if (backend == nullptr) return call;
  const absl::StatusOr<int64_t> to_us = TimeToAdvanceTo(*backend, parsed);
  if (!to_us.ok()) {
    call->Fail(to_us.status());
    return call;
  }
  backend->executor->AdvanceClock(*to_us, [call](Answer answer) {
    if (!answer.ok()) return call->Fail(answer.status());
    v1::AdvanceClockResponse message;
    message.set_index(answer->index());
    call->Answer(message);
  });
  return call;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* AdminService::Backup(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  GrantPtr grant;
  const auto begin = [&]() -> absl::StatusOr<std::unique_ptr<Backups::Session>> {
    const absl::StatusOr<AdmittedCall> admitted =
        admission_->AdmitStream(*context, "Backup", v1::OPERATOR);
    if (!admitted.ok()) return admitted.status();
    grant = admitted->grant;
    v1::BackupRequest parsed;
    if (absl::Status status = ParseRequest(*request, &parsed); !status.ok()) return status;
    return admitted->backend->backups->Begin();
  };
  auto session = begin();
  return new BackupReactor(std::move(session), std::move(grant), context, streams_, backup_workers_,
                           &backup_);
}

grpc::ServerUnaryReactor* AdminService::Verify(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(calls_, &verify_, context, response);
  v1::VerifyRequest parsed;
  if (const Backend* backend =
          Begin(admission_->Admit(*context, "Verify", v1::OPERATOR), *request, call, &parsed)) {
    backend->verifier->VerifyNow([call](absl::StatusOr<Verifier::Verified> verified) {
      if (!verified.ok()) return call->Fail(verified.status());
      v1::VerifyResponse message;
      message.set_index(verified->index);
      message.set_state_hash(std::string(AsBytes(verified->state_hash)));
      message.set_records(verified->records);
      message.set_from_index(verified->from_index);
      call->Answer(message);
    });
  }
  return call;
}

}  // namespace swoosh
