#ifndef SWOOSH_SERVER_REQUEST_FINGERPRINT_H_
#define SWOOSH_SERVER_REQUEST_FINGERPRINT_H_

#include "core/sha256.h"
#include "google/protobuf/repeated_field.h"
#include "swoosh/v1/transition.pb.h"

namespace swoosh {

// What tells a repeated request from another one that bears its request_id by mistake: SHA-256 over
// a canonical form of the transitions. Serialised protobuf won't do, because the order of a map's
// entries, and with it the bytes of a Struct, may change from one sending to the next.
//
// It is stored in records and compared after restarts, so its form holds for good:
//
//   request    = "swoosh.fingerprint.1" message*              one a transition, in order
//   message    = field* 0x00 bytes                            the bytes: its unknown fields
//   field      = varint(number) count value*                  set fields only, by rising number
//   count      = varint                                       1 for a field that is not repeated
//   value      = message                                      of a message or group
//              | bytes                                        of a string or bytes
//              | 8 bytes, big-endian                          IEEE bits of a double or float (as a
//                                                             double), else the integer, sign-
//                                                             extended; a bool is 0 or 1
//   map field  = its entries as messages, by rising key value (as written here, bytewise)
//   bytes      = varint(size) and that many bytes
//
// "Set" is protobuf's own presence: without explicit presence, a field with its default value is
// not set. Thread-safe.
Digest RequestFingerprint(const google::protobuf::RepeatedPtrField<v1::Transition>& transitions);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_REQUEST_FINGERPRINT_H_
