#ifndef SWOOSH_CLI_NEW_FILE_H_
#define SWOOSH_CLI_NEW_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace swoosh {

// A large file on its way: under its own name only once it is whole and on disk. Until then it is
// beside it, with ".tmp" added to its name. Errors name the path and errno's text: kUnavailable.
class NewFile {
 public:
  // kAlreadyExists: there is a file of that name, or another program is writing one; it is left
  // alone.
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(const std::string& path);
  // Removes what is not published.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  absl::Status Append(absl::string_view bytes);
  // Syncs it, gives it its name, and syncs the folder. kAlreadyExists as for Create.
  absl::Status Publish();

 private:
  NewFile(std::string path, std::string temporary, int fd);
  bool IsOurs() const;

  const std::string path_;
  const std::string temporary_;
  int fd_;
};

// Writes to standard output. kUnavailable.
absl::Status WriteToStandardOutput(absl::string_view bytes);

}  // namespace swoosh

#endif  // SWOOSH_CLI_NEW_FILE_H_
