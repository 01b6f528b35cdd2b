// How many instances are in each state, and how often each edge was taken since the page was
// opened.

import { get } from "./api.js";

const PAGE_SIZE = 1000;
// More are not followed: each is kept here with its configuration.
export const INSTANCES_MAX = 20_000;

class MachineCount {
  constructor(name) {
    this.name = name;
    this.version = 1;
    this.states = new Map(); // id -> how many instances are in it now
    this.edges = new Map(); // id -> how often it was taken
    this.status = { RUNNING: 0, DONE: 0, FAULTED: 0 };
    this.instances = 0;
  }

  add({ configuration, status }, sign) {
    this.instances += sign;
    this.status[status] = (this.status[status] ?? 0) + sign;
    for (const state of configuration) this.states.set(state, (this.states.get(state) ?? 0) + sign);
  }
}

export class Census {
  constructor() {
    this.machines = new Map(); // name -> MachineCount
    this.index = 0n; // what is counted here is of this index
    this.complete = true; // false: there are more instances than are followed
    this.followed = new Map(); // id -> {machine, configuration, status}
  }

  /** Counts what there is. The pages are all of one index, so changes go on from there. */
  async read() {
    await this.readMachines();
    let page_token = "";
    do {
      const parameters = { page_size: PAGE_SIZE, view: "VIEW_BASIC", page_token };
      const page = await get("/v1/instances", parameters);
      this.index = BigInt(page.index ?? 0);
      for (const each of page.instances ?? []) this.follow(each.id, each);
      page_token = page.nextPageToken ?? "";
    } while (page_token && this.followed.size < INSTANCES_MAX);
    this.complete = page_token === "";
  }

  /** Of all machines, the latest version. */
  async readMachines() {
    let page_token = "";
    do {
      const page = await get("/v1/machines", { page_size: PAGE_SIZE, page_token });
      for (const { name, version } of page.machines ?? []) this.machine(name).version = version;
      page_token = page.nextPageToken ?? "";
    } while (page_token);
  }

  machine(name) {
    if (!this.machines.has(name)) this.machines.set(name, new MachineCount(name));
    return this.machines.get(name);
  }

  get faulted() {
    return [...this.machines.values()].reduce((sum, each) => sum + each.status.FAULTED, 0);
  }

  follow(id, { machine, configuration = [], status }) {
    if (this.followed.size >= INSTANCES_MAX) {
      this.complete = false;
      return;
    }
    const entry = { machine, configuration, status };
    this.followed.set(id, entry);
    this.machine(machine).add(entry, 1);
  }

  forget(id) {
    const entry = this.followed.get(id);
    if (entry === undefined) return;
    this.followed.delete(id);
    this.machine(entry.machine).add(entry, -1);
  }

  /** Counts a Change of the record after those counted. */
  apply(change) {
    const machine = this.machine(change.machine);
    machine.version = Math.max(machine.version, change.machineVersion ?? 1);
    for (const edge of change.edges ?? []) {
      machine.edges.set(edge, (machine.edges.get(edge) ?? 0) + 1);
    }
    this.forget(change.instanceId);
    if (!change.deleted) this.follow(change.instanceId, change);
  }
}
