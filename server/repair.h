#ifndef SWOOSH_SERVER_REPAIR_H_
#define SWOOSH_SERVER_REPAIR_H_

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "storage/file_system.h"
#include "storage/store_paths.h"

namespace swoosh {

// Runs `swooshd repair` on the store at `paths` (storage/repair.h): says on `output` what is
// damaged, what would be kept and what is lost, asks, and does it. `answer` reads what the operator
// types after a question, nullopt when there is nobody to ask: then nothing is changed, unless
// `agreed` (--yes). Errors go to `error`. Returns what to exit with (exit_codes.h): kExitDataLoss
// also when the operator does not agree, because the store is still damaged.
int RunRepair(FileSystem* file_system, const StorePaths& paths, bool agreed,
              const std::function<std::optional<std::string>()>& answer, std::ostream& output,
              std::ostream& error);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_REPAIR_H_
