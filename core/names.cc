#include "core/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/limits.h"

namespace swoosh {
namespace {

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '~' ||
         c == '-';
}

bool IsOrBeginsToken(absl::string_view event, absl::string_view token) {
  return absl::StartsWith(event, token) &&
         (event.size() == token.size() || event[token.size()] == '.');
}

}  // namespace

absl::Status CheckName(absl::string_view name, size_t bytes_max, absl::string_view field) {
  if (name.empty()) return InvalidField(field, "must not be empty");
  if (name.size() > bytes_max) {
    return InvalidField(
        field, absl::StrCat("has ", name.size(), " bytes; at most ", bytes_max, " are allowed"));
  }
  if (!std::all_of(name.begin(), name.end(), IsUnreserved)) {
    return InvalidField(field, "has a character other than A-Z a-z 0-9 . _ ~ -");
  }
  return absl::OkStatus();
}

absl::Status CheckEventName(absl::string_view event, absl::string_view field) {
  if (event.empty()) return InvalidField(field, "must not be empty");
  if (event.size() > kEventNameBytesMax) {
    return InvalidField(field, absl::StrCat("has ", event.size(), " bytes; at most ",
                                            kEventNameBytesMax, " are allowed"));
  }
  const bool has_space = std::any_of(event.begin(), event.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
  });
  if (has_space) return InvalidField(field, "has white space or a control character");
  return absl::OkStatus();
}

bool IsReservedEvent(absl::string_view event) {
  return IsOrBeginsToken(event, "done.state") || IsOrBeginsToken(event, "error.execution");
}

}  // namespace swoosh
