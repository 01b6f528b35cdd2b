// Evaluates CEL expressions with @bufbuild/cel: a line of JSON in, a line of JSON out.
//
// In: {"expression", "context", "event", "states": {ID: whether it is active}}. Out: {"value"},
// {"error"} of the evaluation, or {"refused"} where the expression does not parse.
'use strict';

const readline = require('node:readline');

const cel = require('@bufbuild/cel');

const { DOUBLE, DYN, INT, STRING, BOOL } = cel.CelScalar;
const EXACT_INTEGER_MAX = 2 ** 53;

let activeStates = {}; // of the line that is evaluated

// What the expressions call besides CEL's own functions: our language's rules where they are
// stricter, as core/expression.md has them.
const functions = [
  cel.celFunc('In', [STRING], BOOL, (state) => activeStates[state]),
  // "a result that is not finite" is an error.
  cel.celFunc('finite', [DYN], DYN, (value) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('not finite');
    return value;
  }),
  // "integers up to 2^53", for %.
  cel.celFunc('whole', [DOUBLE], INT, (number) => {
    if (!Number.isInteger(number) || Math.abs(number) > EXACT_INTEGER_MAX) {
      throw new Error('not an integer of at most 2^53');
    }
    return BigInt(number);
  }),
  // "at most 2^53 in magnitude", for int().
  cel.celFunc('exact', [INT], DOUBLE, (integer) => {
    const number = Number(integer);
    if (Math.abs(number) > EXACT_INTEGER_MAX) throw new Error('beyond 2^53');
    return number;
  }),
];
const environment = cel.celEnv({ funcs: functions });

function plain(value) {
  if (cel.isCelList(value)) return Array.from(value, plain);
  if (cel.isCelMap(value)) {
    return Object.fromEntries(Array.from(value, ([key, member]) => [key, plain(member)]));
  }
  // A number is left: -0 is written as 0, as ours is ("never −0").
  if (value === null || ['boolean', 'number', 'string'].includes(typeof value)) return value;
  throw new Error(`a value that is none of ours: ${typeof value}`);
}

function evaluate(line) {
  const { expression, context, event, states } = JSON.parse(line);
  let parsed;
  try {
    parsed = cel.parse(expression);
  } catch (error) {
    return { refused: error.message };
  }
  activeStates = states;
  const value = cel.plan(environment, parsed)({ context, event });
  return cel.isCelError(value) ? { error: value.message } : { value: plain(value) };
}

readline
  .createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on('line', (line) => process.stdout.write(`${JSON.stringify(evaluate(line))}\n`));
