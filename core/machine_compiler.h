#ifndef SWOOSH_CORE_MACHINE_COMPILER_H_
#define SWOOSH_CORE_MACHINE_COMPILER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/machine.h"
#include "google/protobuf/repeated_field.h"

namespace swoosh {

// Turns a definition into a Machine: checks all of it, numbers the states in document order,
// parses the expressions, and works out each edge's domain. One use each.
class MachineCompiler {
 public:
  // As Machine::Compile.
  static absl::StatusOr<std::shared_ptr<const Machine>> Compile(absl::string_view ns,
                                                                const v1::Machine& definition,
                                                                uint32_t version,
                                                                absl::string_view field);

 private:
  MachineCompiler() : machine_(new Machine()) {}

  absl::Status CompileHeader(const v1::Machine& definition, absl::string_view field);
  // First pass: the states with their types, so that every id is known to the second.
  absl::Status AddState(const v1::StateNode& node, int parent, const std::string& field);
  absl::Status CheckShape(const v1::StateNode& node, v1::StateNode::Type type, int parent,
                          const std::string& field);
  // Second pass: what refers to other states.
  absl::Status CompileState(int index);
  absl::Status CompileInitial(int index);
  absl::Status CompileEdges(int index, bool eventless);
  absl::StatusOr<Edge> CompileEdge(const v1::Edge& source, int index, bool eventless, int ordinal,
                                   const std::string& field);
  absl::Status CompileTarget(const v1::Edge& source, const std::string& field, Edge* edge);
  int Domain(const Edge& edge) const;
  absl::Status CompileActions(const google::protobuf::RepeatedPtrField<v1::Action>& source,
                              const std::string& field, int depth, std::vector<Action>* actions);
  absl::Status CompileAction(const v1::Action& source, const std::string& field, int depth,
                             Action* action);
  absl::Status CompileChoose(const v1::Choose& source, const std::string& field, int depth,
                             Action* action);
  absl::StatusOr<Expression> Parse(const std::string& text, const std::string& field) const;
  // Third pass: a cycle of eventless edges that nothing can stop.
  absl::Status CheckEventlessCycles() const;
  const Edge* CertainEventlessEdge(int atomic_state) const;
  int DefaultAtomic(int state) const;

  std::shared_ptr<Machine> machine_;
  std::vector<const v1::StateNode*> nodes_;  // by state index
  std::vector<std::string> fields_;          // by state index
  absl::flat_hash_set<std::string> edge_ids_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_MACHINE_COMPILER_H_
