#include "server/options.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/exit_codes.h"
#include "server/version.h"

namespace swoosh {
namespace {

ParsedOptions Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "swooshd");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(OptionsTest, DefaultsAreThoseOfTheDesign) {
  const ParsedOptions parsed = Parse({});
  ASSERT_TRUE(parsed.options.has_value()) << parsed.error;
  EXPECT_EQ(parsed.options->command, Options::Command::kServe);
  EXPECT_EQ(parsed.options->listen.ToString(), "127.0.0.1:7070");
  EXPECT_EQ(parsed.options->http.ToString(), "127.0.0.1:7071");
  EXPECT_EQ(parsed.options->data_dir, "./swoosh-data");
  EXPECT_EQ(parsed.options->wal_dir, "./swoosh-data/wal");
  EXPECT_EQ(parsed.options->snapshot_dir, "./swoosh-data/snapshots");
  EXPECT_FALSE(parsed.options->guard_provider.has_value());
  EXPECT_FALSE(parsed.options->manual_clock);
  EXPECT_EQ(parsed.options->snapshot_every_records, 0u);
  EXPECT_EQ(parsed.options->retain_records, 0u);
}

TEST(OptionsTest, TheEnvironmentIsAFallbackThatAFlagOverrides) {
  setenv("SWOOSH_DATA_DIR", "/from/env", 1);
  const ParsedOptions from_environment = Parse({});
  const ParsedOptions from_flag = Parse({"--data_dir", "/from/flag"});
  const ParsedOptions verify = Parse({"verify"});
  unsetenv("SWOOSH_DATA_DIR");
  ASSERT_TRUE(from_environment.options.has_value());
  EXPECT_EQ(from_environment.options->data_dir, "/from/env");
  EXPECT_EQ(from_environment.options->wal_dir, "/from/env/wal");
  ASSERT_TRUE(from_flag.options.has_value());
  EXPECT_EQ(from_flag.options->data_dir, "/from/flag");
  ASSERT_TRUE(verify.options.has_value());
  EXPECT_EQ(verify.options->data_dir, "/from/env");
}

TEST(OptionsTest, MistakesExitWithTwoAndNameTheFlag) {
  const struct {
    std::vector<const char*> arguments;
    const char* named;
  } cases[] = {
      {{"--no_such_flag"}, "--no_such_flag"},
      {{"stray"}, "stray"},
      {{"--clock=sundial"}, "--clock"},
      {{"--snapshot_every_records=0"}, "--snapshot_every_records"},
      {{"--retain_records=many"}, "--retain_records"},
      {{"--listen=7070"}, "--listen"},
      {{"--listen=127.0.0.1:70700"}, "--listen"},
      {{"--listen=::1:7070"}, "--listen"},
      {{"--http=:80"}, "--http"},
      {{"--guard_provider=nowhere"}, "--guard_provider"},
      {{"--guard_provider=127.0.0.1:0"}, "--guard_provider"},
      {{"--guard_provider=guards.example.com:7072"}, "--guard_provider"},
      {{"--data_dir", ""}, "--data_dir"},
      {{"verify", "--listen=127.0.0.1:1"}, "--listen"},
      {{"repair", "--listen=127.0.0.1:1"}, "--listen"},
      {{"--yes"}, "--yes"},
      {{"verify", "--guard_provider=127.0.0.1:1"}, "--guard_provider"},
  };
  for (const auto& c : cases) {
    const ParsedOptions parsed = Parse(c.arguments);
    EXPECT_FALSE(parsed.options.has_value()) << c.named;
    EXPECT_EQ(parsed.exit_code, kExitUsage) << c.named;
    EXPECT_NE(parsed.error.find(c.named), std::string::npos) << parsed.error;
  }
}

TEST(OptionsTest, OtherThanLoopbackNeedsInsecure) {
  EXPECT_FALSE(Parse({"--listen=0.0.0.0:7070"}).options.has_value());
  EXPECT_FALSE(Parse({"--http=0.0.0.0:7071"}).options.has_value());
  EXPECT_FALSE(Parse({"--listen=127.example.com:7070"}).options.has_value());
  EXPECT_TRUE(Parse({"--listen=0.0.0.0:7070", "--insecure"}).options.has_value());
  EXPECT_TRUE(Parse({"--listen=[::1]:0"}).options.has_value());
  EXPECT_TRUE(Parse({"--listen=localhost:0"}).options.has_value());
  EXPECT_TRUE(Parse({"--listen=127.3.2.1:0"}).options.has_value());
}

TEST(OptionsTest, WithTlsOtherThanLoopbackNeedsNoInsecure) {
  const ParsedOptions parsed =
      Parse({"--listen=0.0.0.0:7070", "--http=0.0.0.0:7071", "--tls_cert=c.pem", "--tls_key=k.pem",
             "--tls_client_ca=ca.pem", "--auth=a.json"});
  ASSERT_TRUE(parsed.options.has_value()) << parsed.error;
  ASSERT_TRUE(parsed.options->tls.has_value());
  EXPECT_EQ(parsed.options->tls->certificate, "c.pem");
  EXPECT_EQ(parsed.options->tls->key, "k.pem");
  EXPECT_EQ(parsed.options->tls->roots, "ca.pem");
  EXPECT_EQ(parsed.options->auth_file, "a.json");
  EXPECT_FALSE(Parse({}).options->tls.has_value());
  EXPECT_NE(Parse({"--http=0.0.0.0:1"}).error.find("--http"), std::string::npos);
  EXPECT_NE(Parse({"--tls_cert=c"}).error.find("--tls_key"), std::string::npos);
  EXPECT_NE(Parse({"--tls_key=k"}).error.find("--tls_cert"), std::string::npos);
  EXPECT_NE(Parse({"--tls_client_ca=ca"}).error.find("--tls_cert"), std::string::npos);
}

TEST(OptionsTest, TheGuardProviderIsAnAddress) {
  const ParsedOptions flag = Parse({"--guard_provider=127.0.0.1:7072"});
  ASSERT_TRUE(flag.options.has_value()) << flag.error;
  EXPECT_EQ(flag.options->guard_provider->ToString(), "127.0.0.1:7072");
  setenv("SWOOSH_GUARD_PROVIDER", "guards.example.com:7072", 1);
  const ParsedOptions environment = Parse({"--insecure"});
  unsetenv("SWOOSH_GUARD_PROVIDER");
  ASSERT_TRUE(environment.options.has_value()) << environment.error;
  EXPECT_EQ(environment.options->guard_provider->host, "guards.example.com");
}

TEST(OptionsTest, WithTlsTheGuardProviderMayBeAnywhere) {
  const char* const provider = "--guard_provider=guards.example.com:7072";
  EXPECT_NE(Parse({provider}).error.find("--guard_ca"), std::string::npos);
  const ParsedOptions parsed =
      Parse({provider, "--guard_ca=ca.pem", "--guard_cert=c.pem", "--guard_key=k.pem"});
  ASSERT_TRUE(parsed.options.has_value()) << parsed.error;
  EXPECT_EQ(parsed.options->guard_tls->roots, "ca.pem");
  EXPECT_EQ(parsed.options->guard_tls->certificate, "c.pem");
  EXPECT_EQ(parsed.options->guard_tls->key, "k.pem");
  EXPECT_FALSE(parsed.options->tls.has_value());
  EXPECT_TRUE(Parse({provider, "--guard_ca=ca"}).options.has_value());
  EXPECT_NE(Parse({"--guard_ca=ca"}).error.find("--guard_provider"), std::string::npos);
  EXPECT_NE(Parse({provider, "--guard_ca=ca", "--guard_cert=c"}).error.find("--guard_key"),
            std::string::npos);
  EXPECT_NE(
      Parse({provider, "--insecure", "--guard_cert=c", "--guard_key=k"}).error.find("--guard_ca"),
      std::string::npos);
}

TEST(OptionsTest, HelpAndVersionGoToStdoutAndExitWithZero) {
  const ParsedOptions help = Parse({"--help"});
  EXPECT_FALSE(help.options.has_value());
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.output.find("--data_dir"), std::string::npos);
  EXPECT_NE(help.output.find("SWOOSH_DATA_DIR"), std::string::npos);
  const ParsedOptions version = Parse({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.output, std::string("swooshd ") + kVersion + "\n");
}

TEST(OptionsTest, VerifyTakesTheStoresFlags) {
  const ParsedOptions parsed = Parse({"verify", "--data_dir", "d", "--wal_dir=w"});
  ASSERT_TRUE(parsed.options.has_value()) << parsed.error;
  EXPECT_EQ(parsed.options->command, Options::Command::kVerify);
  EXPECT_EQ(parsed.options->data_dir, "d");
  EXPECT_EQ(parsed.options->wal_dir, "w");
  EXPECT_EQ(parsed.options->snapshot_dir, "d/snapshots");
}

}  // namespace
}  // namespace swoosh
