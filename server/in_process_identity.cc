#include "server/in_process_identity.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/check.h"

namespace swoosh {
namespace {

constexpr char kSecretKey[] = "swoosh-in-process-bin";
constexpr char kNameKey[] = "swoosh-certificate-name-bin";
constexpr size_t kSecretBytes = 32;

const std::string& Secret() {
  static const std::string* const secret = [] {
    auto* const drawn = new std::string(kSecretBytes, '\0');
    SWOOSH_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(drawn->data()),
                            static_cast<int>(drawn->size())) == 1);
    return drawn;
  }();
  return *secret;
}

bool KnowsSecret(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kSecretKey);
  return found != metadata.end() && found->second.size() == Secret().size() &&
         CRYPTO_memcmp(found->second.data(), Secret().data(), Secret().size()) == 0;
}

}  // namespace

void AddCertificateNames(const std::vector<std::string>& names, grpc::ClientContext* context) {
  if (names.empty()) return;
  context->AddMetadata(kSecretKey, Secret());
  for (const std::string& name : names) context->AddMetadata(kNameKey, name);
}

std::vector<std::string> AddedCertificateNames(const grpc::ServerContextBase& context) {
  std::vector<std::string> names;
  if (!KnowsSecret(context)) return names;
  const auto [begin, end] = context.client_metadata().equal_range(kNameKey);
  for (auto it = begin; it != end; ++it) names.emplace_back(it->second.data(), it->second.size());
  return names;
}

}  // namespace swoosh
