// Executable content, delays and expressions.
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "core/statechart/machine_compiler.h"

namespace swoosh {
namespace {

constexpr int kActionDepthMax = 16;
constexpr int64_t kMicrosPerSecond = 1'000'000;

}  // namespace

absl::Status MachineCompiler::ReadDuration(const google::protobuf::Duration& duration,
                                           const std::string& field, int64_t* us) {
  constexpr int64_t kNanosPerMicro = 1'000;
  constexpr int32_t kNanosMax = 999'999'999;
  if (duration.seconds() < 0 || duration.nanos() < 0 || duration.nanos() > kNanosMax) {
    return BadDefinition(field, "must be zero or more");
  }
  if (duration.seconds() > kDelaySecondsMax) {
    return BadDefinition(field, absl::StrCat("is at most ", kDelaySecondsMax, " s"));
  }
  if (duration.nanos() % kNanosPerMicro != 0) {
    return BadDefinition(field, "is a whole number of microseconds");
  }
  *us = duration.seconds() * kMicrosPerSecond + duration.nanos() / kNanosPerMicro;
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileDelay(const google::protobuf::Duration* constant,
                                           const std::string& expression, const std::string& field,
                                           Delay* delay) {
  if (constant != nullptr) return ReadDuration(*constant, field + ".delay", &delay->constant_us);
  absl::StatusOr<Expression> parsed = Parse(expression, field + ".delay_expression");
  if (!parsed.ok()) return parsed.status();
  if (parsed->constant() != nullptr && !parsed->constant()->is_number()) {
    return InvalidField(field + ".delay_expression", "a delay is a number of seconds",
                        v1::INVALID_EXPRESSION);
  }
  delay->expression_s = *std::move(parsed);
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileActions(
    const google::protobuf::RepeatedPtrField<v1::Action>& source, const std::string& field,
    int depth, std::vector<Action>* actions) {
  if (depth > kActionDepthMax) {
    return InvalidField(field, absl::StrCat("`choose` nests at most ", kActionDepthMax, " deep"),
                        v1::TOO_LARGE);
  }
  actions->resize(source.size());
  for (int i = 0; i < source.size(); ++i) {
    absl::Status status =
        CompileAction(source[i], absl::StrCat(field, "[", i, "]"), depth, &(*actions)[i]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileAction(const v1::Action& source, const std::string& field,
                                            int depth, Action* action) {
  std::string data;
  std::string data_field;
  switch (source.kind_case()) {
    case v1::Action::kAssign: {
      action->kind = Action::Kind::kAssign;
      const auto find = [this](absl::string_view id) { return machine_->FindState(id); };
      absl::StatusOr<Location> location = Location::Parse(source.assign().location(), find);
      if (!location.ok()) {
        return InvalidField(field + ".assign.location", location.status().message(),
                            v1::INVALID_EXPRESSION);
      }
      action->location = *std::move(location);
      data = source.assign().value();
      data_field = field + ".assign.value";
      if (data.empty()) return BadDefinition(data_field, "must not be empty");
      break;
    }
    case v1::Action::kRaise: {
      action->kind = Action::Kind::kRaise;
      action->name = source.raise().event();
      absl::Status status = CheckEventName(action->name, field + ".raise.event");
      if (!status.ok()) return status;
      raised_.push_back(action->name);
      data = source.raise().data();
      data_field = field + ".raise.data";
      break;
    }
    case v1::Action::kSend: {
      absl::Status status = CompileSend(source.send(), field + ".send", action);
      if (!status.ok()) return status;
      data = source.send().data();
      data_field = field + ".send.data";
      break;
    }
    case v1::Action::kEmit: {
      action->kind = Action::Kind::kEmit;
      action->name = source.emit().name();
      absl::Status status = CheckEventName(action->name, field + ".emit.name");
      if (!status.ok()) return status;
      data = source.emit().data();
      data_field = field + ".emit.data";
      break;
    }
    case v1::Action::kChoose:
      return CompileChoose(source.choose(), field + ".choose", depth, action);
    case v1::Action::kCancel:
      action->kind = Action::Kind::kCancel;
      action->send_id = source.cancel().id();
      return CheckEventName(action->send_id, field + ".cancel.id");
    case v1::Action::KIND_NOT_SET:
      return BadDefinition(field, "an action is one of assign, raise, send, cancel, emit, choose");
  }
  if (!data.empty()) {
    absl::StatusOr<Expression> value = Parse(data, data_field);
    if (!value.ok()) return value.status();
    action->value = *std::move(value);
  }
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileSend(const v1::Send& source, const std::string& field,
                                          Action* action) {
  action->kind = Action::Kind::kSend;
  action->name = source.event();
  action->send_id = source.id();
  raised_.push_back(action->name);
  absl::Status status = CheckEventName(action->name, field + ".event");
  if (!status.ok()) return status;
  if (!action->send_id.empty()) {
    status = CheckEventName(action->send_id, field + ".id");
    if (!status.ok()) return status;
  }
  if (source.delay_expression().empty()) {
    return CompileDelay(&source.delay(), std::string(), field, &action->delay);
  }
  if (source.has_delay()) {
    return BadDefinition(field + ".delay_expression", "can't stand beside `delay`");
  }
  return CompileDelay(nullptr, source.delay_expression(), field, &action->delay);
}

absl::Status MachineCompiler::CompileChoose(const v1::Choose& source, const std::string& field,
                                            int depth, Action* action) {
  action->kind = Action::Kind::kChoose;
  if (source.branches().empty()) return BadDefinition(field + ".branches", "needs at least one");
  for (int i = 0; i < source.branches_size(); ++i) {
    const std::string branch_field = Element(field, "branches", i);
    Action::Branch& branch = action->branches.emplace_back();
    const std::string& guard_text = source.branches(i).guard();
    if (guard_text.empty() && i + 1 != source.branches_size()) {
      return BadDefinition(branch_field + ".guard", "only the last branch goes without a guard");
    }
    if (!guard_text.empty()) {
      absl::StatusOr<Expression> guard = Parse(guard_text, branch_field + ".guard");
      if (!guard.ok()) return guard.status();
      branch.guard = *std::move(guard);
    }
    absl::Status status = CompileActions(source.branches(i).actions(), branch_field + ".actions",
                                         depth + 1, &branch.actions);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Expression> MachineCompiler::Parse(const std::string& text,
                                                  const std::string& field) const {
  const auto find = [this](absl::string_view id) { return machine_->FindState(id); };
  absl::StatusOr<Expression> expression = Expression::Parse(text, find);
  if (!expression.ok()) {
    return InvalidField(field, expression.status().message(), v1::INVALID_EXPRESSION);
  }
  return expression;
}

}  // namespace swoosh
