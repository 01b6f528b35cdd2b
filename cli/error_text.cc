#include "cli/error_text.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/errors.h"
#include "core/near_name.h"
#include "google/rpc/code.pb.h"
#include "google/rpc/error_details.pb.h"
#include "swoosh/v1/error.pb.h"

namespace swoosh {
namespace {

void AppendViolations(const absl::Status& status, std::string* text) {
  google::rpc::BadRequest bad_request;
  if (!GetDetail(status, &bad_request)) return;
  for (const auto& violation : bad_request.field_violations()) {
    // A single violation is the message already.
    if (absl::StrContains(status.message(), violation.description())) continue;
    absl::StrAppend(text, "  ", Printable(violation.field()), ": ",
                    Printable(violation.description()), "\n");
  }
}

std::vector<absl::string_view> ExactNames(
    const google::protobuf::RepeatedPtrField<std::string>& descriptors) {
  std::vector<absl::string_view> names;
  for (const std::string& descriptor : descriptors) {
    if (!absl::StrContains(descriptor, '*')) names.push_back(descriptor);
  }
  return names;
}

void AppendDenial(const absl::Status& status, absl::string_view event, const Palette& palette,
                  std::string* text) {
  v1::Denial denial;
  if (!GetDetail(status, &denial)) return;
  for (const v1::EdgeDenial& edge : denial.edges()) {
    absl::StrAppend(text, "  edge ", palette.Bold(Printable(edge.edge())), ", guard ",
                    Printable(edge.guard()), "\n");
    // The message of a single edge's denial ends with the reason.
    const bool told = denial.edges_size() == 1 && absl::EndsWith(status.message(), edge.reason());
    if (!told) absl::StrAppend(text, "    ", Printable(edge.reason()), "\n");
  }
  if (denial.edges().empty() && !event.empty()) {
    const absl::string_view near = NearestName(event, ExactNames(denial.enabled_events()));
    if (!near.empty()) {
      absl::StrAppend(text, "  did you mean ", palette.Bold(Printable(near)), "?\n");
    }
  }
  absl::StrAppend(text, "  enabled now: ",
                  denial.enabled_events().empty()
                      ? "nothing"
                      : Printable(absl::StrJoin(denial.enabled_events(), ", ")),
                  "\n");
}

}  // namespace

std::string CodeName(absl::StatusCode code) {
  const std::string& name = google::rpc::Code_Name(static_cast<int>(code));
  return name.empty() ? absl::StrCat("code ", static_cast<int>(code)) : name;
}

std::string CodeAndReason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  if (!GetDetail(status, &info) || info.reason().empty()) return CodeName(status.code());
  // As it came: a newer server may have reasons that this program does not know.
  return absl::StrCat(CodeName(status.code()), " ", Printable(info.reason()));
}

std::string ErrorText(const absl::Status& status, absl::string_view event, const Palette& palette) {
  std::string text = absl::StrCat(palette.Red("error:"), " ", CodeAndReason(status), ": ",
                                  Printable(status.message()), "\n");
  AppendViolations(status, &text);
  AppendDenial(status, event, palette, &text);
  return text;
}

}  // namespace swoosh
