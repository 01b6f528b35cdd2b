#include "server/access_policy.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/names.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"

namespace swoosh {
namespace {

constexpr size_t kNameBytesMax = 128;
constexpr size_t kTokenHexDigits = 2 * sizeof(Digest);

absl::Status Invalid(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool IsName(absl::string_view name) {
  constexpr absl::string_view kMarks = "._~@:/-";
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return absl::ascii_isalnum(c) || kMarks.find(c) != absl::string_view::npos;
         });
}

// What can be said about one identity without the others. Messages name the field.
absl::Status Check(const v1::Identity& identity) {
  if (!IsName(identity.name())) return Invalid("name: must be [A-Za-z0-9._~@:/-]{1,128}");
  if (!v1::Role_IsValid(identity.role()) || identity.role() == v1::ROLE_UNSPECIFIED) {
    return Invalid("role: must be READER, SUBMITTER or OPERATOR");
  }
  if (identity.token_sha256_size() > kCredentialsOfIdentityMax ||
      identity.certificates_size() > kCredentialsOfIdentityMax) {
    return Invalid(
        absl::StrCat("has more than ", kCredentialsOfIdentityMax, " tokens or certificates"));
  }
  if (identity.token_sha256().empty() && identity.certificates().empty()) {
    return Invalid("has neither token_sha256 nor certificates, so nobody can be it");
  }
  for (const std::string& name : identity.certificates()) {
    if (name.empty()) return Invalid("certificates: a name is empty");
  }
  if (identity.role() == v1::OPERATOR &&
      (!identity.machines().empty() || !identity.namespaces().empty())) {
    return Invalid("machines, namespaces: an OPERATOR's calls are about the whole store");
  }
  for (const std::string& name : identity.machines()) {
    if (absl::Status status = CheckName(name, kNameBytesMax, "machines"); !status.ok()) {
      return status;
    }
  }
  for (const std::string& name : identity.namespaces()) {
    if (absl::Status status = CheckName(name, kNameBytesMax, "namespaces"); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Digest> ParseTokenHash(const std::string& hex) {
  if (hex.size() != kTokenHexDigits || !std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit)) {
    return Invalid("token_sha256: must be the 64 hexadecimal digits of a SHA-256");
  }
  const std::string bytes = absl::HexStringToBytes(hex);
  Digest digest;
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

absl::Status Unknown() {
  return MakeError(absl::StatusCode::kUnauthenticated, v1::CREDENTIALS_UNKNOWN,
                   "no credentials that this server knows: send `authorization: Bearer TOKEN`, or "
                   "use a client certificate that it has an identity for");
}

}  // namespace

absl::StatusOr<AccessPolicy> AccessPolicy::Parse(absl::string_view json) {
  v1::AccessFile file;
  google::protobuf::util::JsonParseOptions options;
  options.case_insensitive_enum_parsing = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &file, options);
  if (!parsed.ok()) {
    // Lines that point at the place follow, which the log's would not keep in line.
    const std::string message(parsed.message());
    return Invalid(absl::StrCat("not an access file: ", message.substr(0, message.find('\n'))));
  }
  if (file.identities().empty()) return Invalid("identities: there is none, so nobody could call");
  if (file.identities_size() > kIdentitiesMax) {
    return Invalid(absl::StrCat("identities: more than ", kIdentitiesMax));
  }
  AccessPolicy policy;
  for (int i = 0; i < file.identities_size(); ++i) {
    if (absl::Status status = policy.Add(std::move(*file.mutable_identities(i))); !status.ok()) {
      return Invalid(absl::StrCat("identities[", i, "]: ", status.message()));
    }
  }
  return policy;
}

absl::Status AccessPolicy::Add(v1::Identity identity) {
  if (absl::Status status = Check(identity); !status.ok()) return status;
  const size_t index = grants_.size();
  if (!names_.emplace(identity.name(), index).second) {
    return Invalid(absl::StrCat("name: ", identity.name(), " is another identity's"));
  }
  for (const std::string& hex : identity.token_sha256()) {
    absl::StatusOr<Digest> digest = ParseTokenHash(hex);
    if (!digest.ok()) return digest.status();
    const bool taken = std::any_of(tokens_.begin(), tokens_.end(),
                                   [&](const auto& token) { return token.first == *digest; });
    if (taken) return Invalid("token_sha256: stands in the file twice");
    tokens_.emplace_back(*digest, index);
  }
  for (const std::string& name : identity.certificates()) {
    if (!certificates_.emplace(name, index).second) {
      return Invalid(absl::StrCat("certificates: ", name, " stands in the file twice"));
    }
  }
  grants_.push_back(std::make_shared<Grant>(std::move(identity)));
  return absl::OkStatus();
}

absl::StatusOr<GrantPtr> AccessPolicy::Identify(const Credentials& credentials) const {
  GrantPtr found;
  if (credentials.token.has_value()) {
    if (credentials.token->empty()) return Unknown();
    const Digest shown = Sha256(*credentials.token);
    for (const auto& [digest, index] : tokens_) {
      if (CRYPTO_memcmp(digest.data(), shown.data(), digest.size()) == 0) found = grants_[index];
    }
  } else {
    for (const std::string& name : credentials.certificate_names) {
      const auto it = certificates_.find(name);
      if (it == certificates_.end()) continue;
      // A certificate with the names of two is neither's.
      if (found != nullptr && found != grants_[it->second]) return Unknown();
      found = grants_[it->second];
    }
  }
  if (found == nullptr) return Unknown();
  return found;
}

void AccessPolicy::Replace(const AccessPolicy& before) {
  for (const GrantPtr& old : before.grants_) {
    const auto it = names_.find(old->name());
    if (it != names_.end() && google::protobuf::util::MessageDifferencer::Equals(
                                  old->identity(), grants_[it->second]->identity())) {
      grants_[it->second] = old;
    } else {
      old->Revoke();
    }
  }
}

}  // namespace swoosh
