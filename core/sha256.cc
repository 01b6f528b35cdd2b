// The low-level calls, which OpenSSL 3 deprecates: the EVP ones cost as much again for each digest
// of the few blocks that a node of the state tree has. They are kept for all of OpenSSL 3 and use
// the processor's SHA instructions as the others do.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/sha256.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "core/sha256_x86.h"

namespace swoosh {

static_assert(sizeof(Digest) == SHA256_DIGEST_LENGTH);

Digest Sha256(std::initializer_list<absl::string_view> parts) {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (absl::string_view part : parts) SHA256_Update(&context, part.data(), part.size());
  Digest digest;
  SHA256_Final(digest.data(), &context);
  return digest;
}

Digest Sha256(absl::string_view bytes) {
  Digest digest;
  Sha256Job job;
  job.body = bytes;
  job.digest = &digest;
  Sha256All({&job, 1});
  return digest;
}

void Sha256All(absl::Span<const Sha256Job> jobs) {
  if (!sha256_x86::IsSupported()) {
    for (const Sha256Job& job : jobs) {
      *job.digest = Sha256({{job.head.data(), job.head_bytes}, job.body});
    }
    return;
  }
  for (; jobs.size() >= 2; jobs.remove_prefix(2)) sha256_x86::HashTwo(jobs[0], jobs[1]);
  if (!jobs.empty()) sha256_x86::Hash(jobs[0]);
}

std::string ToHex(const Digest& digest) { return absl::BytesToHexString(AsBytes(digest)); }

}  // namespace swoosh
