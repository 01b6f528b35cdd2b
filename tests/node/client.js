// A client as one writes it with @grpc/grpc-js, from the contract's descriptor set alone.
//
//   client.js ADDRESS DESCRIPTOR_SET
//
// Creates an instance of the machine `counter`, sends it events over one stream and then one by
// one, and watches from record 1 meanwhile. Says {"acknowledged": N} at every 50th of the latter: a sign
// for whoever runs it to kill the server. A request that is not answered is sent again with its
// request_id, and a broken watch resumes. At the end it prints what it saw as one JSON object.
"use strict";

const fs = require("fs");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const STREAM_EVENTS = 100;
const UNARY_EVENTS = 200;
const SIGN_EVERY = 50;
const DEADLINE_MS = 60_000;

const [address, descriptorSetPath] = process.argv.slice(2);
const { swoosh } = grpc.loadPackageDefinition(
  protoLoader.loadFileDescriptorSetFromBuffer(fs.readFileSync(descriptorSetPath), {
    keepCase: true,
    longs: Number,
    enums: String,
    oneofs: true,
  }),
);
const client = new swoosh.v1.Orchestrator(address, grpc.credentials.createInsecure(), {
  "grpc.initial_reconnect_backoff_ms": 20,
  "grpc.max_reconnect_backoff_ms": 100,
});

function say(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

function waitForReady() {
  return new grpc.Metadata({ waitForReady: true });
}

function options() {
  return { deadline: Date.now() + DEADLINE_MS };
}

function isBroken(error) {
  return error.code === grpc.status.UNAVAILABLE || error.code === grpc.status.CANCELLED;
}

function submitOnce(request) {
  return new Promise((resolve, reject) => {
    client.Submit(request, waitForReady(), options(), (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

async function submit(request) {
  for (;;) {
    try {
      return await submitOnce(request);
    } catch (error) {
      if (!isBroken(error)) throw error;
    }
  }
}

function sendEvent(requestId, event) {
  // A Struct as a descriptor set has it, where a map is a list of entries.
  const data = { fields: [{ key: "by", value: { string_value: requestId } }] };
  return {
    request_id: requestId,
    transitions: [{ send_event: { instance_id: "node", event, data } }],
  };
}

// One stream, all requests written before an answer is read. Resolves to the answers.
function stream(requests) {
  return new Promise((resolve, reject) => {
    const answers = [];
    const call = client.SubmitStream(waitForReady(), options());
    call.on("data", (answer) => answers.push(answer));
    call.on("error", reject);
    call.on("end", () => resolve(answers));
    for (const request of requests) call.write(request);
    call.end();
  });
}

// Watches from record 1 until `enough(index)`; resolves to the indexes of records with changes, and
// how often the watch broke and went on.
function watch(enough) {
  const indexes = [];
  let next = 1;
  let historyId = "";
  let resumed = 0;
  return new Promise((resolve, reject) => {
    const open = () => {
      let done = false;
      const call = client.Watch({ from_index: next, history_id: historyId }, waitForReady());
      call.on("data", (response) => {
        if (done) return;
        if ((response.changes || []).length > 0) indexes.push(response.index);
        next = response.index + 1;
        historyId = response.history_id;
        if (enough(response.index)) {
          done = true;
          call.cancel();
          resolve({ indexes, resumed });
        }
      });
      call.on("error", (error) => {
        if (done) return;
        if (!isBroken(error)) return reject(error);
        resumed += 1;
        open();
      });
    };
    open();
  });
}

async function main() {
  const created = await submit({
    request_id: "create",
    transitions: [{ create_instance: { instance_id: "node", machine: "counter" } }],
  });
  let lastIndex = Infinity;
  const watched = watch((index) => index >= lastIndex);

  const requests = Array.from({ length: STREAM_EVENTS }, (_, number) =>
    sendEvent(`stream/${number}`, number === 7 ? "no.such.event" : "add"),
  );
  const answers = await stream(requests);
  const refused = answers.filter((answer) => answer.status);

  let answer;
  let duplicates = 0;
  for (let number = 1; number <= UNARY_EVENTS; ++number) {
    answer = await submit(sendEvent(`unary/${number}`, "add"));
    if (answer.duplicate) duplicates += 1;
    if (number % SIGN_EVERY === 0) say({ acknowledged: number });
  }
  lastIndex = (await submit(sendEvent("last", "add"))).index;
  const { indexes, resumed } = await watched;
  say({
    createdIndex: created.index,
    streamOrder: answers.map((each) => each.request_id),
    refused: refused.map((each) => [each.request_id, each.status.code]),
    duplicates,
    lastIndex,
    watched: indexes,
    resumed,
  });
  client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
