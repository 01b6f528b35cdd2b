#ifndef SWOOSH_STORAGE_TEMPORARY_DIRECTORY_H_
#define SWOOSH_STORAGE_TEMPORARY_DIRECTORY_H_

#include <string>

namespace swoosh {

// A directory of its own for a test, on the disk that the test runner gives out (TEST_TMPDIR). It
// is removed with all that is in it when the object goes.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // "PATH/`name`".
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_TEMPORARY_DIRECTORY_H_
