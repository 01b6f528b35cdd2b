#ifndef SWOOSH_CORE_STATECHART_MACHINE_COMPILER_H_
#define SWOOSH_CORE_STATECHART_MACHINE_COMPILER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/statechart/machine.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"

namespace swoosh {

absl::Status BadDefinition(absl::string_view field, absl::string_view why);
// The name of an element of a list of `field`.
std::string Element(const std::string& field, absl::string_view list, int i);

// Turns a definition into a Machine: checks all of it, numbers the states in document order,
// parses the expressions, and works out each edge's domain. One use each.
class MachineCompiler {
 public:
  // As Machine::Compile.
  static absl::StatusOr<std::shared_ptr<const Machine>> Compile(absl::string_view ns,
                                                                const v1::Machine& definition,
                                                                uint32_t version,
                                                                absl::string_view field,
                                                                uint32_t semantics_version);

 private:
  MachineCompiler() : machine_(new Machine()) {}

  static absl::Status ReadDuration(const google::protobuf::Duration& duration,
                                   const std::string& field, int64_t* us);

  absl::Status CompileHeader(const v1::Machine& definition, absl::string_view field);
  // First pass: the states with their types, so that every id is known to the second.
  absl::Status AddState(const v1::StateNode& node, int parent, const std::string& field);
  absl::Status CheckShape(const v1::StateNode& node, v1::StateNode::Type type, int parent,
                          const std::string& field);
  // Second pass: what refers to other states.
  absl::Status CompileState(int index);
  absl::Status CompileInitial(int index);
  absl::Status DefaultOfHistory(int index, const std::string& field);
  absl::Status CompileTargets(const google::protobuf::RepeatedPtrField<std::string>& ids,
                              const std::string& field, absl::InlinedVector<int, 1>* targets);
  bool AreOrthogonal(int a, int b) const;
  absl::Status CompileEdges(int index, Edge::Kind kind);
  absl::Status CompileEdge(const v1::Edge& source, const std::string& field, Edge* edge);
  absl::Status CompileTrigger(const v1::Edge& source, const std::string& field, Edge* edge);
  absl::Status CompileTarget(const v1::Edge& source, const std::string& field, Edge* edge);
  // `constant`, or where that is nullptr `expression`.
  absl::Status CompileDelay(const google::protobuf::Duration* constant,
                            const std::string& expression, const std::string& field, Delay* delay);
  absl::Status CompileActions(const google::protobuf::RepeatedPtrField<v1::Action>& source,
                              const std::string& field, int depth, std::vector<Action>* actions);
  absl::Status CompileAction(const v1::Action& source, const std::string& field, int depth,
                             Action* action);
  absl::Status CompileSend(const v1::Send& source, const std::string& field, Action* action);
  absl::Status CompileChoose(const v1::Choose& source, const std::string& field, int depth,
                             Action* action);
  absl::StatusOr<Expression> Parse(const std::string& text, const std::string& field) const;
  // Third pass: what takes all edges and actions to see.
  absl::Status CheckExternalGuards() const;
  // A cycle of eventless edges that nothing can stop.
  absl::Status CheckEventlessCycles() const;
  const Edge* CertainEventlessEdge(int atomic_state) const;
  int DefaultAtomic(int state) const;

  std::shared_ptr<Machine> machine_;
  std::vector<const v1::StateNode*> nodes_;  // by state index
  std::vector<std::string> fields_;          // by state index
  absl::flat_hash_set<std::string> edge_ids_;
  std::vector<std::string> raised_;  // the events that the machine itself raises or sends
  // The fields of the edges with an external guard, and what they match.
  std::vector<std::pair<std::string, EventDescriptors>> external_guards_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATECHART_MACHINE_COMPILER_H_
