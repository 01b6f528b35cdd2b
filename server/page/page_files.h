#ifndef SWOOSH_SERVER_PAGE_PAGE_FILES_H_
#define SWOOSH_SERVER_PAGE_PAGE_FILES_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace swoosh {

// A file of the page, as embed_files.py built it in.
struct PageFile {
  absl::string_view path;  // "/", or "/page/NAME"
  absl::string_view type;  // Content-Type
  absl::string_view etag;  // of the content; without quotes
  absl::string_view gzip;  // the content, compressed
  size_t content_bytes;    // not compressed
};

// All there are. Thread-safe.
absl::Span<const PageFile> PageFiles();

}  // namespace swoosh

#endif  // SWOOSH_SERVER_PAGE_PAGE_FILES_H_
