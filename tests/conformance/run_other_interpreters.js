// Runs charts through npm scion-core, or through npm xstate: a line of JSON in, a line of JSON out.
//
// node run_other_interpreters.js scion|scion_legacy|xstate
// In: {"machine": a v1.Machine in JSON, "events": [NAME, ...]}. Out: {"steps": [{"configuration",
// "emitted"}, ...]}, one for the beginning and one an event; the last is {"error": why} when the
// interpreter fails or takes more than MICROSTEPS_MAX microsteps ("endless"). {"refused": why}
// where the interpreter can't express the machine.
//
// scion_legacy is scion-core with its option legacySemantics, by which no parallel state is a
// transition's domain. Its class Statechart takes that option back; here it can't.
'use strict';

const readline = require('node:readline');

const MICROSTEPS_MAX = 50; // as in appendix_d.py
const ROUNDS_MAX = 20000; // guards that XState asks in a macrostep: it has no bound of its own

class EndlessError extends Error {
  constructor() {
    super('endless');
  }
}

// [[state, whether it has to be active], ...]
function parseGuard(text) {
  return (text || '')
    .split(' && ')
    .filter((term) => term)
    .map((term) => {
      const [, negation, state] = /^(!?)In\('([^']+)'\)$/.exec(term);
      return [state, negation === ''];
    });
}

function typeOf(node) {
  return node.type || (node.states ? 'COMPOUND' : 'ATOMIC');
}

function* nodesOf(node) {
  yield node;
  for (const child of node.states || []) yield* nodesOf(child);
}

// ------------------------------------------------------------------ scion-core

const SCION_TYPES = {
  ATOMIC: 'state',
  COMPOUND: 'state',
  PARALLEL: 'parallel',
  FINAL: 'final',
  HISTORY: 'history',
};

function scionActions(actions, emitted) {
  return (actions || []).map((action) =>
    action.raise
      ? function raise() {
          this.raise({ name: action.raise.event });
        }
      : () => emitted.push(action.emit.name),
  );
}

function scionTransition(edge, emitted, isIn) {
  const transition = { onTransition: scionActions(edge.actions, emitted) };
  if (edge.event) transition.event = edge.event;
  if (edge.target) transition.target = edge.target;
  if (edge.internal) transition.type = 'internal';
  const guard = parseGuard(edge.guard);
  if (guard.length) transition.cond = () => guard.every(([id, wanted]) => isIn(id) === wanted);
  return transition;
}

function scionState(node, emitted, isIn) {
  const type = typeOf(node);
  const state = { id: node.id, $type: SCION_TYPES[type] };
  if (type === 'HISTORY') {
    state.isDeep = node.history === 'DEEP';
    state.transitions = [{ target: node.initial }];
    return state;
  }
  if (node.initial) state.initial = node.initial;
  state.onEntry = scionActions(node.entry, emitted);
  state.onExit = scionActions(node.exit, emitted);
  state.transitions = [...(node.on || []), ...(node.always || [])].map((edge) =>
    scionTransition(edge, emitted, isIn),
  );
  if (node.states) state.states = node.states.map((child) => scionState(child, emitted, isIn));
  return state;
}

function scionRunner(machine, legacy) {
  const scion = require('scion-core');
  const order = [...nodesOf(machine.root)].map((node) => node.id);
  const emitted = [];
  let microsteps = 0;
  class Bounded extends scion.Statechart {
    _performSmallStep(...parameters) {
      if (++microsteps > MICROSTEPS_MAX) throw new EndlessError();
      return super._performSmallStep(...parameters);
    }
  }
  function model(_x, _sessionid, _ioprocessors, isIn) {
    const root = scionState(machine.root, emitted, isIn);
    if (typeOf(machine.root) === 'COMPOUND') root.$type = 'scxml';
    return root;
  }
  const options = { sessionid: 'chart', sessionRegistry: new Map() };
  if (legacy) {
    Object.defineProperty(options, 'legacySemantics', { get: () => true, set: () => {} });
  }
  const chart = new Bounded(model, options);
  return (event) => {
    emitted.length = 0;
    // The first step is that from scion-core's own initial pseudo-state into the root.
    microsteps = event === undefined ? -1 : 0;
    if (event === undefined) chart.start();
    else chart.gen({ name: event });
    const active = new Set(chart.getFullConfiguration());
    return { configuration: order.filter((id) => active.has(id)), emitted: [...emitted] };
  };
}

// ------------------------------------------------------------------ xstate

const DONE = 'xstate.done.state.';

function matches(descriptors, type) {
  const event = type.startsWith(DONE) ? type.slice('xstate.'.length) : type;
  return descriptors.some((descriptor) => {
    const wanted = descriptor.replace(/\.?\*$/, '');
    return !wanted || event === wanted || event.startsWith(`${wanted}.`);
  });
}

function xstateRunner(machine) {
  const { and, createActor, createMachine, not, raise, stateIn } = require('xstate');
  const order = [...nodesOf(machine.root)].map((node) => node.id);
  const emitted = [];
  let rounds = 0;

  const actions = (list) =>
    (list || []).map((action) =>
      action.raise ? raise({ type: action.raise.event }) : () => emitted.push(action.emit.name),
    );
  const target = (ids) => ids.map((id) => `#${id}`);

  function transition(edge) {
    const guards = [
      ({ event }) => {
        if (++rounds > ROUNDS_MAX) throw new EndlessError();
        return !edge.event || matches(edge.event.split(' '), event.type);
      },
      ...parseGuard(edge.guard).map(([id, wanted]) =>
        wanted ? stateIn(`#${id}`) : not(stateIn(`#${id}`)),
      ),
    ];
    const made = { guard: and(guards), actions: actions(edge.actions) };
    if (edge.target) {
      made.target = target(edge.target);
      made.reenter = !edge.internal;
    }
    return made;
  }

  function stateNode(node) {
    const type = typeOf(node);
    const made = { id: node.id };
    if (type === 'HISTORY') {
      made.type = 'history';
      made.history = node.history === 'DEEP' ? 'deep' : 'shallow';
      made.target = target(node.initial);
      return made;
    }
    if (type === 'PARALLEL') made.type = 'parallel';
    if (type === 'FINAL') made.type = 'final';
    if (type === 'COMPOUND') {
      if (node.initial.length > 1 || !node.states.some((child) => child.id === node.initial[0])) {
        throw new RangeError('an initial state has to be one child');
      }
      made.initial = node.initial[0];
    }
    made.entry = actions(node.entry);
    made.exit = actions(node.exit);
    // One descriptor, so that edges are asked in document order and not by length of descriptor.
    if (node.on) made.on = { '*': node.on.map(transition) };
    if (node.always) made.always = node.always.map(transition);
    if (node.states) {
      made.states = Object.fromEntries(node.states.map((child) => [child.id, stateNode(child)]));
    }
    return made;
  }

  const actor = createActor(createMachine(stateNode(machine.root)));
  let failure;
  actor.subscribe({ error: (error) => (failure = error) });
  return (event) => {
    emitted.length = 0;
    rounds = 0;
    if (event === undefined) actor.start();
    else actor.send({ type: event });
    if (failure) throw failure;
    const active = new Set(actor.getSnapshot()._nodes.map((node) => node.id));
    return { configuration: order.filter((id) => active.has(id)), emitted: [...emitted] };
  };
}

// ------------------------------------------------------------------ lines

const RUNNERS = {
  scion: (machine) => scionRunner(machine, false),
  scion_legacy: (machine) => scionRunner(machine, true),
  xstate: xstateRunner,
};

function run(makeRunner, line) {
  const { machine, events } = JSON.parse(line);
  let runner;
  try {
    runner = makeRunner(machine);
  } catch (error) {
    return { refused: error.message };
  }
  const steps = [];
  for (const event of [undefined, ...events]) {
    try {
      steps.push(runner(event));
    } catch (error) {
      steps.push({ error: error.message });
      break;
    }
  }
  return { steps };
}

const makeRunner = RUNNERS[process.argv[2]];
readline
  .createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on('line', (line) => process.stdout.write(`${JSON.stringify(run(makeRunner, line))}\n`));
