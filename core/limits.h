#ifndef SWOOSH_CORE_LIMITS_H_
#define SWOOSH_CORE_LIMITS_H_

#include <cstddef>
#include <cstdint>

// Every bound that decides whether a proposal is accepted. They belong to a reducer version (see
// state.md): changing one needs a new version, because replay must decide as the server once did.
namespace swoosh {

inline constexpr size_t kTransitionsPerProposalMax = 1'000;
inline constexpr size_t kInstanceIdBytesMax = 128;
inline constexpr size_t kMachineNameBytesMax = 128;
inline constexpr size_t kStateIdBytesMax = 128;
inline constexpr size_t kNamespaceBytesMax = 64;
inline constexpr size_t kEventNameBytesMax = 256;
inline constexpr size_t kRequestIdBytesMax = 128;
inline constexpr size_t kContextBytesMax = 65'536;        // canonical encoding
inline constexpr size_t kEventDataBytesMax = 65'536;      // canonical encoding
inline constexpr size_t kDefinitionBytesMax = 1'048'576;  // canonical encoding
inline constexpr size_t kDefinitionStatesMax = 10'000;
inline constexpr int kDefinitionDepthMax = 32;
inline constexpr size_t kExpressionBytesMax = 4'096;
inline constexpr int kExpressionDepthMax = 64;
inline constexpr int kExpressionCostMax = 10'000;  // an evaluation
inline constexpr int kMicrostepsMax = 1'000;       // a macrostep; 100 in reducer version 1
inline constexpr size_t kEmittedPerStepMax = 1'000;
// Of a step, as stored in its record: what is emitted, and the ids of the edges taken. So what a
// step does to one instance always fits in a record. None in version 1.
inline constexpr size_t kStepOutputBytesMax = 1'048'576;
inline constexpr size_t kRecordFieldBytesMax = 4;  // a tag and a size, counted for each
inline constexpr size_t kTimersPerInstanceMax = 1'000;
inline constexpr uint32_t kTimersFiredPerRecordMax = 1'000;
inline constexpr int64_t kDelaySecondsMax = 3'155'760'000;         // 100 years
inline constexpr double kExactIntegerMax = 9'007'199'254'740'992;  // 2^53

}  // namespace swoosh

#endif  // SWOOSH_CORE_LIMITS_H_
