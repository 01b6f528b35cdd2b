#ifndef SWOOSH_CORE_SHA256_X86_H_
#define SWOOSH_CORE_SHA256_X86_H_

#include "core/sha256.h"

// SHA-256 by the SHA instructions of x86. One digest is a chain of rounds that each wait for the
// one before, which leaves the unit half idle: two chains side by side take hardly longer than one.
namespace swoosh::sha256_x86 {

// Whether the processor has the instructions.
bool IsSupported();

// Requires that they are there.
void Hash(const Sha256Job& job);
void HashTwo(const Sha256Job& a, const Sha256Job& b);

}  // namespace swoosh::sha256_x86

#endif  // SWOOSH_CORE_SHA256_X86_H_
