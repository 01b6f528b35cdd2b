#ifndef SWOOSH_TESTS_DETERMINISM_MACHINES_H_
#define SWOOSH_TESTS_DETERMINISM_MACHINES_H_

namespace swoosh {

// Machines that reach every part of the reducer: arithmetic whose last bit a fused multiply-add or
// an excess of precision would change, texts of numbers, patterns, orders of maps, history,
// parallel regions, timers, external guards, faults. Proto JSON.
inline constexpr const char* kMachines[] = {
    R"json({"name":"sums","context":{"x":0.1,"y":3,"n":0,"text":"","list":[]},
"root":{"id":"sums","initial":["low"],"states":[
 {"id":"low","on":[
   {"event":"add","guard":"has(event.data.v) && event.data.v > 0","actions":[
     {"assign":{"location":"context.x","value":"context.x * 1.1 + event.data.v / 3.0"}},
     {"assign":{"location":"context.y","value":"(context.y - context.x) * 0.7 / (event.data.v + 0.3)"}},
     {"assign":{"location":"context.text","value":"string(context.x) + '|' + string(context.y)"}},
     {"assign":{"location":"context.n","value":"context.n + 1"}}]},
   {"event":"push","guard":"size(context.list) < 12","actions":[
     {"assign":{"location":"context.list","value":"context.list + [event.data.v, {'b': context.x, 'a': event.data.v}]"}}]},
   {"event":"fold","actions":[
     {"assign":{"location":"context.list","value":"context.list.filter(i, !(i in [1, 2])).map(i, [i])"}}]},
   {"event":"go","guard":"context.text.matches('[0-9]+[.]?[0-9]*[|].*') && context.n % 3 == 1","target":["high"]},
   {"event":"fail","actions":[{"assign":{"location":"context.gone.b","value":"1 / context.n"}}]}]},
 {"id":"high","entry":[{"emit":{"name":"high","data":"{'z': context.n, 'a': context.text, 'm': context.list}"}}],
  "after":[{"delayExpression":"1 + context.n / 7","target":["low"],"guard":"context.n < 8",
    "actions":[{"assign":{"location":"context.x","value":"context.x / (context.n - 4)"}}]},
   {"delay":"3.5s","target":["low"],"actions":[
    {"assign":{"location":"context.x","value":"context.x / 1.7"}},
    {"assign":{"location":"context.list","value":"[]"}}]}],
  "on":[{"event":"add.*","target":["low"]},{"event":"*","guard":"event.data.v != null && event.data.v > 90","target":["low"]}]}]}})json",
    R"json({"name":"regions","retention":"40s","context":{"done":0,"who":"","log":[]},
"root":{"id":"regions","initial":["work"],"states":[
 {"id":"work","type":"PARALLEL","on":[{"event":"pause","target":["idle"]},{"event":"done.state.work","target":["end"]}],
  "states":[
  {"id":"left","initial":["l1"],"states":[
    {"id":"l1","on":[{"event":"step","target":["l2"]}],
     "entry":[{"send":{"id":"nudge","event":"nudge","data":"{'n': context.done}","delay":"2s"}}],
     "exit":[{"cancel":{"id":"nudge"}}]},
    {"id":"l2","on":[{"event":"step","guard":"In('r2')","target":["lf"]},{"event":"step","target":["l1"]},
      {"event":"nudge","actions":[{"emit":{"name":"nudged","data":"event.data"}}]}],
     "entry":[{"raise":{"event":"moved","data":"context.done"}}]},
    {"id":"lf","type":"FINAL","output":"context.done"},
    {"id":"lh","type":"HISTORY","history":"SHALLOW","initial":["l1"]}]},
  {"id":"right","initial":["r1"],"states":[
    {"id":"r1","initial":["r11"],"states":[
      {"id":"r11","on":[{"event":"moved","target":["r12"]}]},
      {"id":"r12","on":[{"event":"turn","target":["r2"]}]}]},
    {"id":"r2","on":[{"event":"turn","target":["rf"]},{"event":"back","target":["r11"]}],
     "after":[{"delay":"5s","target":["r1"]}]},
    {"id":"rf","type":"FINAL"}]},
  {"id":"deep","type":"HISTORY","history":"DEEP","initial":["l2","r12"]}]},
 {"id":"idle","on":[{"event":"resume","target":["deep"]},{"event":"restart","target":["lh","r1"]},
   {"event":"drop","target":["end"]}],
  "after":[{"delay":"30s","target":["end"]}]},
 {"id":"end","type":"FINAL","output":"{'done': context.done, 'log': context.log}"}]}})json",
    R"json({"name":"gate","context":{"asked":0,"seen":{}},
"root":{"id":"gate","initial":["shut"],"states":[
 {"id":"shut","on":[
   {"event":"ask","externalGuard":"may","guard":"context.asked < 50","target":["open"],
    "actions":[{"assign":{"location":"context.asked","value":"context.asked + 1"}},
     {"assign":{"location":"context.seen[event.actor + '/' + string(context.asked % 4)]","value":"event.time"}}]},
   {"event":"ask","target":["shut"],"internal":true,"actions":[
    {"choose":{"branches":[
      {"guard":"context.seen.all(k, context.seen[k] > 0)","actions":[{"raise":{"event":"again"}}]},
      {"guard":"context.nothing.there","actions":[{"emit":{"name":"never"}}]},
      {"actions":[{"emit":{"name":"else","data":"size(context.seen)"}}]}]}}]},
   {"event":"again","guard":"context.asked % 2 == 0","actions":[{"emit":{"name":"again","data":"context.seen"}}]}]},
 {"id":"open","on":[{"event":"close","target":["shut"]},{"event":"error.execution","target":["shut"]},
   {"event":"break","actions":[{"assign":{"location":"context.asked","value":"context.seen.missing"}}]}],
  "after":[{"delay":"1s","target":["shut"],"actions":[{"assign":{"location":"context.asked","value":"context.asked - 0.5"}}]}]}]}})json",
};

}  // namespace swoosh

#endif  // SWOOSH_TESTS_DETERMINISM_MACHINES_H_
