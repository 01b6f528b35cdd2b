#ifndef SWOOSH_CLI_TEXT_TABLE_H_
#define SWOOSH_CLI_TEXT_TABLE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

// Text for a terminal. Thread-safe, but for a table that is being filled.
namespace swoosh {

// `text` with control characters, which could move the cursor or worse, as \xNN, and with bytes
// that are no UTF-8 likewise. Line breaks too.
std::string Printable(absl::string_view text);

// How to stress text; without `color`, not at all.
class Palette {
 public:
  explicit Palette(bool color) : color_(color) {}
  std::string Bold(absl::string_view text) const { return Wrap("1", text); }
  std::string Dim(absl::string_view text) const { return Wrap("2", text); }
  std::string Red(absl::string_view text) const { return Wrap("31", text); }
  std::string Green(absl::string_view text) const { return Wrap("32", text); }
  std::string Yellow(absl::string_view text) const { return Wrap("33", text); }

 private:
  std::string Wrap(absl::string_view code, absl::string_view text) const;
  bool color_;
};

// Rows in columns, as wide as what stands in them.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}

  // As many cells as the header has. Made printable here.
  void AddRow(const std::vector<std::string>& cells);
  bool empty() const { return rows_.empty(); }

  // The header in bold, then the rows; each line with its line break.
  std::string Render(const Palette& palette) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// Names and values of one thing, a line each: the names dim and as wide as the longest. Values are
// made printable.
std::string RenderFields(const std::vector<std::pair<std::string, std::string>>& fields,
                         const Palette& palette);

}  // namespace swoosh

#endif  // SWOOSH_CLI_TEXT_TABLE_H_
