#include "storage/temporary_directory.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/check.h"
#include "gtest/gtest.h"

namespace swoosh {

TemporaryDirectory::TemporaryDirectory() : path_(testing::TempDir() + "swoosh-XXXXXX") {
  SWOOSH_CHECK(::mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace swoosh
