// The file of --auth: whoever it lets in is one of its identities, and has what it says.
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "google/protobuf/util/json_util.h"
#include "server/access_policy.h"
#include "swoosh/v1/access.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace swoosh {
namespace {

void CheckNobody(const AccessPolicy& policy, const Credentials& credentials) {
  SWOOSH_CHECK(absl::IsUnauthenticated(policy.Identify(credentials).status()));
}

void CheckCertificates(const AccessPolicy& policy, const v1::Identity& identity) {
  for (const std::string& name : identity.certificates()) {
    Credentials credentials;
    credentials.certificate_names = {name};
    const absl::StatusOr<GrantPtr> grant = policy.Identify(credentials);
    SWOOSH_CHECK(grant.ok());
    SWOOSH_CHECK((*grant)->name() == identity.name());
    SWOOSH_CHECK((*grant)->CheckMethod("Verify", v1::OPERATOR).ok() ==
                 (identity.role() == v1::OPERATOR));
    // A token that nobody has is not made up for by a certificate.
    credentials.token = "nobody's";
    CheckNobody(policy, credentials);
  }
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swoosh::KeepProtobufQuiet();
  const absl::string_view text = swoosh::FuzzInput(data, size);
  const absl::StatusOr<swoosh::AccessPolicy> policy = swoosh::AccessPolicy::Parse(text);
  if (!policy.ok()) {
    SWOOSH_CHECK(absl::IsInvalidArgument(policy.status()));
    return 0;
  }
  swoosh::CheckNobody(*policy, {});
  swoosh::Credentials empty_token;
  empty_token.token = "";
  swoosh::CheckNobody(*policy, empty_token);
  // What it has been read as, without what it was checked for.
  swoosh::v1::AccessFile file;
  google::protobuf::util::JsonParseOptions options;
  options.case_insensitive_enum_parsing = true;
  const auto read = google::protobuf::util::JsonStringToMessage(std::string(text), &file, options);
  SWOOSH_CHECK(read.ok());
  SWOOSH_CHECK(policy->size() == static_cast<size_t>(file.identities_size()));
  for (const auto& identity : file.identities()) swoosh::CheckCertificates(*policy, identity);
  return 0;
}
