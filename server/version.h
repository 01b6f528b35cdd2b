#ifndef SWOOSH_SERVER_VERSION_H_
#define SWOOSH_SERVER_VERSION_H_

namespace swoosh {

// The program's version, by semver.org's rules.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace swoosh

#endif  // SWOOSH_SERVER_VERSION_H_
