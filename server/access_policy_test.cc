#include "server/access_policy.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

// A file with these members after an identity's name and role.
std::string FileWith(absl::string_view role, absl::string_view rest) {
  return absl::Substitute(R"({"identities": [{"name": "ci", "role": "$0"$1}]})", role, rest);
}

std::string Hash(absl::string_view token) { return ToHex(Sha256(token)); }

AccessPolicy Parsed(absl::string_view text) {
  absl::StatusOr<AccessPolicy> policy = AccessPolicy::Parse(text);
  EXPECT_TRUE(policy.ok()) << policy.status() << "\n" << text;
  return policy.ok() ? *std::move(policy) : AccessPolicy();
}

std::string TwoIdentities(absl::string_view role_of_second) {
  return absl::Substitute(
      R"({"identities": [
        {"name": "ci", "role": "SUBMITTER", "token_sha256": ["$0", "$1"]},
        {"name": "ops", "role": "$2", "token_sha256": ["$3"],
         "certificates": ["spiffe://example.org/ops", "ops.example.org"]}]})",
      Hash("old"), Hash("new"), role_of_second, Hash("root"));
}

TEST(AccessPolicyTest, EachTokenIsItsIdentitys) {
  const AccessPolicy policy = Parsed(TwoIdentities("OPERATOR"));
  EXPECT_EQ(policy.size(), 2u);
  for (const char* token : {"old", "new"}) {
    const auto grant = policy.Identify({token, {}});
    ASSERT_TRUE(grant.ok()) << grant.status();
    EXPECT_EQ((*grant)->name(), "ci");
  }
  EXPECT_EQ((*policy.Identify({"root", {}}))->name(), "ops");
}

TEST(AccessPolicyTest, NobodyIsSomebodyWithoutCredentialsThatTheFileNames) {
  const AccessPolicy policy = Parsed(TwoIdentities("OPERATOR"));
  const Credentials unknown[] = {{std::nullopt, {}},
                                 {"", {}},
                                 {"wrong", {}},
                                 {Hash("old"), {}},
                                 {"old ", {}},
                                 {std::nullopt, {"ops.example.com"}},
                                 {std::nullopt, {"OPS.example.org"}},
                                 // A token that is wrong is not made up for by a certificate.
                                 {"wrong", {"ops.example.org"}},
                                 {"", {"ops.example.org"}}};
  for (const Credentials& credentials : unknown) {
    const absl::Status status = policy.Identify(credentials).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(ReasonOf(status), v1::CREDENTIALS_UNKNOWN);
  }
}

TEST(AccessPolicyTest, ACertificateIsWhoItsNamesSay) {
  const AccessPolicy policy = Parsed(TwoIdentities("OPERATOR"));
  const auto grant = policy.Identify(
      {std::nullopt, {"other.example.org", "ops.example.org", "spiffe://example.org/ops"}});
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ((*grant)->name(), "ops");
  EXPECT_EQ((*policy.Identify({"old", {"ops.example.org"}}))->name(), "ci");

  const AccessPolicy two = Parsed(
      R"({"identities": [{"name": "a", "role": "READER", "certificates": ["a.example"]},
                         {"name": "b", "role": "READER", "certificates": ["b.example"]}]})");
  EXPECT_TRUE(two.Identify({std::nullopt, {"b.example"}}).ok());
  EXPECT_FALSE(two.Identify({std::nullopt, {"a.example", "b.example"}}).ok());
}

TEST(AccessPolicyTest, AFileThatIsWrongIsRefusedAndSaysWhere) {
  const std::string token = absl::StrCat(R"(, "token_sha256": [")", Hash("t"), R"("])");
  const struct {
    std::string text;
    const char* says;
  } cases[] = {
      {"", "not an access file"},
      {"{", "not an access file"},
      {R"({"identitys": []})", "identitys"},
      {"{}", "identities"},
      {FileWith("READER", ""), "neither token_sha256 nor certificates"},
      {FileWith("KING", token), "KING"},
      {FileWith("ROLE_UNSPECIFIED", token), "role"},
      {FileWith("READER", R"(, "token_sha256": ["abc"])"), "token_sha256"},
      {FileWith("READER", absl::StrCat(R"(, "token_sha256": [")", std::string(64, 'g'), R"("])")),
       "token_sha256"},
      {FileWith("READER", absl::StrCat(token, R"(, "token": "t")")), "token"},
      {FileWith("READER", absl::StrCat(token, R"(, "machines": ["a b"])")), "machines"},
      {FileWith("READER", absl::StrCat(token, R"(, "namespaces": [""])")), "namespaces"},
      {FileWith("OPERATOR", absl::StrCat(token, R"(, "machines": ["door"])")), "OPERATOR"},
      {absl::StrCat(R"({"identities": [{"name": "a b", "role": "READER")", token, "}]}"), "name"},
      {absl::StrCat(R"({"identities": [{"name": "a", "role": "READER")", token,
                    R"(}, {"name": "b", "role": "READER")", token, "}]}"),
       "identities[1]: token_sha256"},
      {absl::StrCat(R"({"identities": [{"name": "a", "role": "READER")", token,
                    R"(}, {"name": "a", "role": "READER", "certificates": ["x"]}]})"),
       "identities[1]: name"},
  };
  for (const auto& each : cases) {
    const absl::Status status = AccessPolicy::Parse(each.text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << each.text;
    EXPECT_NE(std::string(status.message()).find(each.says), std::string::npos) << status << "\n"
                                                                                << each.text;
  }
}

TEST(AccessPolicyTest, WhoIsAsBeforeKeepsHisGrantAndTheOthersAreRevoked) {
  const AccessPolicy before = Parsed(TwoIdentities("OPERATOR"));
  const GrantPtr ci = *before.Identify({"old", {}});
  const GrantPtr ops = *before.Identify({"root", {}});
  AccessPolicy after = Parsed(TwoIdentities("READER"));
  after.Replace(before);
  EXPECT_FALSE(ci->revoked());
  EXPECT_TRUE(ops->revoked());
  EXPECT_EQ(*after.Identify({"old", {}}), ci);
  EXPECT_EQ((*after.Identify({"root", {}}))->identity().role(), v1::READER);
  EXPECT_FALSE((*after.Identify({"root", {}}))->revoked());
}

}  // namespace
}  // namespace swoosh
