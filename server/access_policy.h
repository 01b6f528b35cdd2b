#ifndef SWOOSH_SERVER_ACCESS_POLICY_H_
#define SWOOSH_SERVER_ACCESS_POLICY_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/sha256.h"
#include "server/grant.h"

namespace swoosh {

inline constexpr size_t kAccessFileBytesMax = 4 * 1'024 * 1'024;
inline constexpr int kIdentitiesMax = 1'000;
inline constexpr int kCredentialsOfIdentityMax = 16;  // of each kind

// What a caller shows of himself.
struct Credentials {
  // The bearer token, if there is one. Whoever sends one is told by it alone.
  std::optional<std::string> token;
  // Names in the client certificate that the connection was made with: its subject alternative
  // names, or without any its common name.
  std::vector<std::string> certificate_names;
};

// Who is who: the identities of an access file (proto/swoosh/v1/access.proto). Immutable, pure,
// thread-safe.
class AccessPolicy {
 public:
  // Reads the file's text: JSON, with no field unknown.
  //   kInvalidArgument: it says what is wrong, and where.
  static absl::StatusOr<AccessPolicy> Parse(absl::string_view json);

  // What the caller may do. Every known token is compared, in the same time whatever it is.
  //   kUnauthenticated (CREDENTIALS_UNKNOWN): nobody has these credentials. It does not say which
  //     part was wrong.
  absl::StatusOr<GrantPtr> Identify(const Credentials& credentials) const;

  // Takes over the grants of `before` whose identity is as it was, so that what runs with them goes
  // on, and revokes the others of it.
  void Replace(const AccessPolicy& before);

  size_t size() const { return grants_.size(); }

 private:
  absl::Status Add(v1::Identity identity);

  std::vector<GrantPtr> grants_;
  std::vector<std::pair<Digest, size_t>> tokens_;          // and index of the grant
  absl::flat_hash_map<std::string, size_t> certificates_;  // name to index of the grant
  absl::flat_hash_map<std::string, size_t> names_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ACCESS_POLICY_H_
