#ifndef SWOOSH_CLI_CONVERSION_MACHINE_FOR_TEST_H_
#define SWOOSH_CLI_CONVERSION_MACHINE_FOR_TEST_H_

namespace swoosh {

// A machine, in YAML, with one of everything that a definition can have.
inline constexpr char kMachineWithEverything[] = R"yaml(
name: every
retention: 72h
context: {n: 1, list: [a, "it's <b>"], "a b": {x: null}}
root:
  id: top
  type: COMPOUND
  initial: [work]
  entry: [emit: {name: begun}]
  on: [{id: quit, event: quit, target: [done]}]
  states:
    - id: work
      type: PARALLEL
      states:
        - id: left
          type: COMPOUND
          initial: [l-1]
          exit: [cancel: {id: tick}]
          on: [{event: in, target: [end], internal: true}]
          states:
            - id: l-1
              type: ATOMIC
              entry:
                - send: {id: tick, event: tick, data: context.n, delay: 1.5s}
                - send: {event: tock, delayExpression: context.n * 2}
                - assign: {location: context.n, value: context.n + 1}
              on:
                - event: tick tock
                  guard: "context.n < 3 && event.data != '\"'"
                  actions:
                    - choose:
                        branches:
                          - {guard: context.n > 1, actions: [raise: {event: again}]}
                          - {guard: context.n > 2, actions: [emit: {name: two}]}
                          - actions: [raise: {event: again, data: "{'n': 1}"}]
                - {event: again, target: [end]}
                - {event: go, guard: context.n > 0, target: [end], externalGuard: may}
              after: [{delay: 900s, target: [end]}, {delayExpression: context.n, target: [l-1]}]
            - {id: end, type: FINAL, output: context.n}
        - id: right
          type: ATOMIC
          always: [{guard: In('end'), target: [done]}]
        - {id: back, type: HISTORY, history: DEEP, initial: [l-1, right]}
    - id: rest
      type: ATOMIC
      on: [{event: back, target: [back]}, {event: "*", target: [l-1, right]}]
    - {id: done, type: FINAL}
)yaml";

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_MACHINE_FOR_TEST_H_
