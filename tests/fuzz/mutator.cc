#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <iterator>

namespace swoosh {
namespace {

// Bytes at which readers decide: ends of ranges, and what texts are made of.
constexpr char kTellingBytes[] =
    "\x00\x01\x7f\x80\xc0\xe0\xf0\xff \t\n\"'\\{}[](),:.-+0919eE#&*!|<>/?=_";

constexpr size_t kPartBytesMax = 64;
constexpr size_t kRepeatsMax = 64;

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

struct Range {
  size_t begin;
  size_t size;
};

// The first word at `from` or after it; of size 0 where there is none.
Range WordFrom(const std::string& text, size_t from) {
  while (from < text.size() && !IsWordByte(text[from])) ++from;
  // From its start, wherever in it `from` was.
  while (from > 0 && from < text.size() && IsWordByte(text[from - 1])) --from;
  size_t end = from;
  while (end < text.size() && IsWordByte(text[end])) ++end;
  return {from, end - from};
}

}  // namespace

std::string Mutator::PartOfCorpus() {
  const std::string& from = corpus_[Below(corpus_.size())];
  if (from.empty()) return "";
  const size_t begin = Below(from.size());
  return from.substr(begin, 1 + Below(std::min(kPartBytesMax, from.size() - begin)));
}

void Mutator::ReplaceWord(std::string* input) {
  const Range old = WordFrom(*input, Below(input->size() + 1));
  const std::string& from = corpus_[Below(corpus_.size())];
  const Range word = WordFrom(from, Below(from.size() + 1));
  input->replace(old.begin, old.size, from, word.begin, word.size);
}

void Mutator::Change(std::string* input) {
  const size_t size = input->size();
  const size_t at = Below(size + 1);
  const size_t count = at < size ? 1 + Below(std::min(kPartBytesMax, size - at)) : 0;
  switch (Below(12)) {
    case 0:  // a bit
      if (at < size) (*input)[at] = static_cast<char>((*input)[at] ^ (1 << Below(8)));
      return;
    case 1:  // a byte
      if (at < size) (*input)[at] = static_cast<char>(Below(256));
      return;
    case 2:
      if (at < size) (*input)[at] = kTellingBytes[Below(std::size(kTellingBytes) - 1)];
      return;
    case 3:
      input->insert(at, 1, kTellingBytes[Below(std::size(kTellingBytes) - 1)]);
      return;
    case 4:
      input->erase(at, count);
      return;
    case 5:  // a part again, up to kRepeatsMax times: depth, and sizes
    {
      const std::string part = input->substr(at, count);
      for (size_t repeats = 1 + Below(kRepeatsMax); repeats > 0; --repeats) input->insert(at, part);
      return;
    }
    case 6:
      input->insert(at, PartOfCorpus());
      return;
    case 7:
      input->replace(at, count, PartOfCorpus());
      return;
    default:
      ReplaceWord(input);
  }
}

std::string Mutator::Next() {
  std::string input = corpus_[Below(corpus_.size())];
  // Most changes end in an early refusal, so that many of them seldom reach far.
  const size_t count = Below(2) == 0 ? 1 : 1 + Below(kChangesMax);
  for (size_t changes = count; changes > 0; --changes) {
    Change(&input);
    if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
  }
  return input;
}

}  // namespace swoosh
