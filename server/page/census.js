// How many instances are in each state, and how often each edge was taken since the page was
// opened.

import { get, segment } from "./api.js";

const PAGE_SIZE = 1000;
// More are not followed: each is kept here with its configuration.
export const INSTANCES_MAX = 20_000;

class MachineCount {
  constructor(name) {
    this.name = name;
    this.index = 0n; // what is counted of it is of this index
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
    this.index = 0n; // what is counted here is of this index, or a later one
    this.machines_allowed = null; // names, where not all machines may be seen
    this.complete = true; // false: there are more instances than are followed
    this.followed = new Map(); // id -> {machine, configuration, status}
  }

  /** Counts what there is, and may be seen. */
  async read() {
    try {
      await this.readMachines();
      await this.readInstances("");
    } catch (error) {
      // Who is limited to some machines is told which: nothing is left out in silence.
      const { machines } = error.metadata ?? {};
      if (error.reason !== "MACHINE_DENIED" || !machines) throw error;
      this.machines_allowed = machines.split(" ");
      await this.readAllowed();
    }
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

  /** Of each machine that may be seen, and is there. */
  async readAllowed() {
    for (const name of this.machines_allowed) {
      try {
        const { version } = await get(`/v1/machines/${segment(name)}`);
        this.machine(name).version = version;
      } catch (error) {
        if (error.status !== 404) throw error;
      }
      await this.readInstances(name);
    }
  }

  /**
   * Of a machine, or of all. The pages are all of one index, so changes go on from there; where
   * machines are read one after the other, from the first one's.
   */
  async readInstances(machine) {
    let page_token = "";
    let index = 0n;
    do {
      const parameters = { machine, page_size: PAGE_SIZE, view: "VIEW_BASIC", page_token };
      const page = await get("/v1/instances", parameters);
      index = BigInt(page.index ?? 0);
      for (const each of page.instances ?? []) this.follow(each.id, each);
      page_token = page.nextPageToken ?? "";
    } while (page_token && this.followed.size < INSTANCES_MAX);
    this.complete &&= page_token === "";
    if (this.index === 0n || index < this.index) this.index = index;
    if (this.machines.has(machine)) this.machine(machine).index = index;
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

  /** Counts a Change of the record at `index`, which comes after those before it. */
  apply(change, index) {
    const machine = this.machine(change.machine);
    if (index <= machine.index) return; // counted when it was read
    machine.version = Math.max(machine.version, change.machineVersion ?? 1);
    for (const edge of change.edges ?? []) {
      machine.edges.set(edge, (machine.edges.get(edge) ?? 0) + 1);
    }
    this.forget(change.instanceId);
    if (!change.deleted) this.follow(change.instanceId, change);
  }
}
