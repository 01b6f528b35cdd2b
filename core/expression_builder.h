#ifndef SWOOSH_CORE_EXPRESSION_BUILDER_H_
#define SWOOSH_CORE_EXPRESSION_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/expression_program.h"

namespace swoosh::expression_internal {

// Thrown inside the parser alone; ParseProgram turns it into a status.
struct SyntaxError {
  size_t offset;
  std::string message;
};

// What the grammar's actions do: a stack of finished operands, and what is open around them. Every
// function may throw SyntaxError. Not thread-safe.
class Builder {
 public:
  explicit Builder(absl::string_view text) { program_.text = std::string(text); }

  // Requires that the whole text was accepted.
  Program Finish() &&;

  [[noreturn]] void Fail(size_t offset, std::string message) const;
  [[noreturn]] void FailOperand(size_t offset) const;
  [[noreturn]] void FailOperator(size_t offset) const;
  [[noreturn]] void FailClose(size_t offset, char close) const;
  [[noreturn]] void FailColon(size_t offset, absl::string_view after) const;

  void Enter(size_t offset);
  void Leave() { --depth_; }

  // Every token that is no operator, name or opening bracket comes here.
  void Token(absl::string_view token, size_t end);
  void PushOperator(absl::string_view symbol, size_t offset);
  void PushName(absl::string_view name, size_t offset);
  void Open(size_t offset);
  void Close() { brackets_.pop_back(); }
  void Mark() { marks_.push_back(operands_.size()); }

  // A string literal is gathered first.
  std::string* StartString(size_t offset);
  std::string* string() { return &string_; }
  size_t string_offset() const { return string_offset_; }

  void AddNumber(absl::string_view digits, size_t offset);
  void AddString(size_t end);
  void AddName();
  void AddCall();
  void AddMethod();
  void AddField();
  void AddIndex();
  void AddList();
  void AddMap();
  void Parenthesise();
  void AddUnary();
  void AddBinary();
  // Of the operands since the mark; one alone stays as it is.
  void AddChain(Op op);
  void AddConditional();

 private:
  struct PendingName {
    std::string text;
    size_t offset;
  };
  struct PendingOperator {
    std::string symbol;
    size_t offset;
  };

  // "'x'" or "the end": what stands at `offset`.
  std::string Found(size_t offset) const;
  absl::string_view WordAt(size_t offset) const;
  NodeIndex Pop();
  std::vector<NodeIndex> PopToMark();
  PendingName PopName();
  PendingOperator PopOperator();
  uint32_t NewName(std::string name);
  void AddConstant(Value value, size_t begin, size_t end);
  // The node's text goes from its first operand, or `begin` if that is less, to the last token.
  void Add(Op op, size_t begin, size_t at, std::vector<NodeIndex> operands, uint32_t payload = 0);

  Program program_;
  std::vector<int> heights_;  // of the nodes
  std::vector<NodeIndex> operands_;
  std::vector<size_t> marks_;
  std::vector<PendingName> names_;
  std::vector<PendingOperator> operators_;
  std::vector<size_t> brackets_;  // offsets of those that are open
  std::string string_;
  size_t string_offset_ = 0;
  std::string last_token_;
  size_t last_token_end_ = 0;
  int depth_ = 0;
};

}  // namespace swoosh::expression_internal

#endif  // SWOOSH_CORE_EXPRESSION_BUILDER_H_
