#ifndef SWOOSH_CLI_VERSION_H_
#define SWOOSH_CLI_VERSION_H_

namespace swoosh {

// The version of swooshctl, by semver.org's rules. It may differ from the server's.
inline constexpr char kCliVersion[] = "0.1.0";

}  // namespace swoosh

#endif  // SWOOSH_CLI_VERSION_H_
