// Checks Kubernetes objects against the schemas of npm's kubernetes-models: a JSON list of objects
// on stdin, a JSON list of what is wrong on stdout.
//
// The schemas say nothing against fields that they don't know, so those are found another way: a
// validator reads every field that it knows, and what it did not read is unknown.
'use strict';

const fs = require('fs');

const OPERATOR_GROUP = 'monitoring.coreos.com/';

function modelOf(object) {
  const path = object.apiVersion.startsWith(OPERATOR_GROUP)
    ? `@kubernetes-models/prometheus-operator/${object.apiVersion}/${object.kind}`
    : `kubernetes-models/${object.apiVersion}/${object.kind}`;
  return require(path)[object.kind];
}

// `value`, which notes the path of each field of it that is read in `read`.
function watched(value, path, read) {
  if (value === null || typeof value !== 'object') return value;
  return new Proxy(value, {
    get(target, key) {
      const found = target[key];
      if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return found;
      const place = `${path}/${key}`;
      read.add(place);
      return watched(found, place, read);
    },
  });
}

function* pathsOf(value, path = '') {
  if (value === null || typeof value !== 'object') return;
  for (const [key, field] of Object.entries(value)) {
    yield `${path}/${key}`;
    yield* pathsOf(field, `${path}/${key}`);
  }
}

function problemsOf(object) {
  const name = `${object.kind} ${object.metadata && object.metadata.name}`;
  const read = new Set();
  const problems = [];
  try {
    const Model = modelOf(object);
    const { validate } = Object.getPrototypeOf(new Model({}));
    validate.call(watched(object, '', read));
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  if (problems.length === 0) {
    for (const path of pathsOf(object)) {
      if (!read.has(path)) problems.push(`${name}: ${path}: no such field`);
    }
  }
  return problems;
}

const objects = JSON.parse(fs.readFileSync(0, 'utf8'));
process.stdout.write(`${JSON.stringify(objects.flatMap(problemsOf))}\n`);
