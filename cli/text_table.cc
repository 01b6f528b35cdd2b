#include "cli/text_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

constexpr absl::string_view kColumnGap = "  ";

// Columns on the screen, taking each character for one; it is not for wide scripts.
size_t Width(absl::string_view text) { return CodePointCount(text); }

std::string Padding(size_t width, size_t width_wanted) {
  return std::string(width_wanted > width ? width_wanted - width : 0, ' ');
}

bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7f; }

// U+0080 to U+009F, which terminals take for control characters too.
bool IsC1Control(absl::string_view character) {
  return character.size() == 2 && character[0] == '\xc2' &&
         static_cast<unsigned char>(character[1]) < 0xa0;
}

void AppendHex(absl::string_view bytes, std::string* out) {
  for (char c : bytes) {
    absl::StrAppend(out, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
  }
}

// The first character, or the first byte when none begins there.
size_t CharacterBytes(absl::string_view text) {
  for (size_t size = 1; size <= std::min<size_t>(4, text.size()); ++size) {
    if (IsValidUtf8(text.substr(0, size))) return size;
  }
  return 1;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const absl::string_view character = text.substr(0, CharacterBytes(text));
    if (IsControl(static_cast<unsigned char>(character[0])) || IsC1Control(character) ||
        !IsValidUtf8(character)) {
      AppendHex(character, &printable);
    } else {
      absl::StrAppend(&printable, character);
    }
    text.remove_prefix(character.size());
  }
  return printable;
}

std::string Palette::Wrap(absl::string_view code, absl::string_view text) const {
  if (!color_ || text.empty()) return std::string(text);
  return absl::StrCat("\x1b[", code, "m", text, "\x1b[0m");
}

void TextTable::AddRow(const std::vector<std::string>& cells) {
  SWOOSH_CHECK(cells.size() == header_.size());
  std::vector<std::string> row;
  for (const std::string& cell : cells) row.push_back(Printable(cell));
  rows_.push_back(std::move(row));
}

std::string TextTable::Render(const Palette& palette) const {
  std::vector<size_t> widths;
  for (const std::string& title : header_) widths.push_back(Width(title));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  const auto line = [&widths](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      absl::StrAppend(&text, cells[i]);
      // No spaces at the end of a line.
      if (i + 1 < cells.size()) {
        absl::StrAppend(&text, Padding(Width(cells[i]), widths[i]), kColumnGap);
      }
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::string text = absl::StrCat(palette.Bold(line(header_)), "\n");
  for (const auto& row : rows_) absl::StrAppend(&text, line(row), "\n");
  return text;
}

std::string RenderFields(const std::vector<std::pair<std::string, std::string>>& fields,
                         const Palette& palette) {
  size_t width = 0;
  for (const auto& field : fields) width = std::max(width, Width(Printable(field.first)));
  std::string text;
  for (const auto& field : fields) {
    const std::string name = Printable(field.first);
    absl::StrAppend(&text, palette.Dim(name));
    if (!field.second.empty()) {
      absl::StrAppend(&text, Padding(Width(name), width), kColumnGap, Printable(field.second));
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

}  // namespace swoosh
