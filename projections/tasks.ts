/**
 * Tasks: what is known of every live task, in fields by slots. A task has a slot from its birth to its end, and another
 * one has it afterwards. Where a task is, `membership.ts` knows.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { AdoptFact, Certainty, CommandLine, ExecFact, ForkFact } from '../events/event.ts';
import { Field } from './field.ts';
import { Interned } from './interned.ts';
import { Links } from './links.ts';
import { SlotTable } from './slotTable.ts';
import type { SnapshotReader, SnapshotWriter } from './snapshot.ts';

const certainties: readonly Certainty[] = ['known', 'inferred', 'unknown'];

export class Tasks {
  readonly #ids = new Field(32);
  readonly #parents = new Field(32);
  readonly #pids = new Field(32);
  readonly #tgids = new Field(32);
  readonly #startTicks = new Field(32);
  readonly #uids = new Field();
  readonly #suids = new Field();
  readonly #comms = new Field();
  readonly #programs = new Field();
  readonly #commandLines = new Field();
  readonly #certainties = new Field();
  /** Comms, program paths and command lines; a command line stands behind a mark that says whether it was cut. */
  readonly #strings = new Interned();
  readonly #byId = new SlotTable(this.#ids);
  readonly #byPid = new SlotTable(this.#pids);
  /** The threads of each process without its leader: the first by tgid. */
  readonly #firstThreads = new Map<number, number>();
  readonly #threads = new Links();
  /** The slots below are in use, or free and linked: the id of a free one is 0, and its parent is the next free one. */
  #end = 1;
  #free = 0;
  #count = 0;
  #lastId = 0;
  /** The slot that was asked for last. */
  #recent = 0;

  get count(): number {
    return this.#count;
  }

  /** The id of the last task that was born. */
  get lastId(): number {
    return this.#lastId;
  }

  /** The slot of a live task, or 0. */
  slotOf(id: number): number {
    // One event after another is about the same task, and several projections ask for it.
    if (this.#ids.get(this.#recent) !== id) this.#recent = this.#byId.find(id);
    return this.#recent;
  }

  /** The slot of the live task that has this pid, or 0. */
  slotOfPid(pid: number): number {
    return this.#byPid.find(pid);
  }

  /** The slots of all live tasks, in the order of their ids. */
  slots(): number[] {
    const slots: number[] = [];
    for (let slot = 1; slot < this.#end; slot++) if (this.idAt(slot) !== 0) slots.push(slot);
    return slots.sort((a, b) => this.idAt(a) - this.idAt(b));
  }

  /** The slots of the live threads of a process, without the leader. */
  *threadSlots(tgid: number): Generator<number> {
    for (let slot = this.#firstThreads.get(tgid) ?? 0; slot !== 0; slot = this.#threads.after(slot)) {
      yield slot;
    }
  }

  /** A task is born, or met, and has a slot from now on. */
  bear(birth: ForkFact | AdoptFact): number {
    const { task, pid, tgid } = birth;
    assert(task === this.#lastId + 1, `task ids are dense: ${task} after ${this.#lastId}`);
    this.#lastId = task;
    this.#count += 1;
    const slot = this.#takeSlot();
    this.#ids.set(slot, task);
    this.#parents.set(slot, birth.parent);
    this.#pids.set(slot, pid);
    this.#tgids.set(slot, tgid);
    this.#startTicks.set(slot, birth.startTicks);
    this.#uids.set(slot, birth.uid);
    this.#suids.set(slot, birth.suid);
    this.#comms.set(slot, this.#strings.take(birth.comm));
    this.#byId.put(slot);
    this.#byPid.put(slot);
    if (pid !== tgid) this.#joinThreads(slot, tgid);
    return slot;
  }

  /** A child knows of its place what is known of its parent's, and has its command line. */
  inherit(slot: number, parent: number): void {
    this.#certainties.set(slot, this.#certainties.get(parent));
    this.#commandLines.set(slot, this.#strings.share(this.#commandLines.get(parent)));
  }

  /** It ends, and its slot is free. */
  end(slot: number): void {
    this.#count -= 1;
    this.#leaveThreads(slot);
    this.#byId.remove(slot);
    // A look at the machine reports births before exits, so the pid may be another task's already.
    this.#byPid.remove(slot);
    this.#clear(this.#comms, slot);
    this.#clear(this.#programs, slot);
    this.#clear(this.#commandLines, slot);
    this.#ids.set(slot, 0);
    this.#recent = 0;
    this.#parents.set(slot, this.#free);
    this.#free = slot;
  }

  execute(slot: number, { pid, startTicks, comm, program }: ExecFact): void {
    this.#rewrite(this.#comms, slot, comm);
    this.#rewrite(this.#programs, slot, program);
    this.#startTicks.set(slot, startTicks);
    if (this.#pids.get(slot) === pid) return;
    // A thread gives its own pid up before its exec is seen, so that may be another task's already.
    this.#byPid.remove(slot);
    this.#leaveThreads(slot);
    this.#pids.set(slot, pid);
    assert(this.#byPid.find(pid) === 0, `the leader ${pid} exits before its thread takes its pid`);
    this.#byPid.put(slot);
  }

  rename(slot: number, comm: Bytes): void {
    this.#rewrite(this.#comms, slot, comm);
  }

  changeUser(slot: number, uid: number, suid: number): void {
    this.#uids.set(slot, uid);
    this.#suids.set(slot, suid);
  }

  /** The command line of a task is that of its process, and so of its threads. */
  setCommandLine(slot: number, commandLine: CommandLine): void {
    const string = `${commandLine.cut ? '+' : '='}${commandLine.arguments}`;
    this.#rewrite(this.#commandLines, slot, string);
    for (const thread of this.threadSlots(this.tgidAt(slot))) {
      this.#rewrite(this.#commandLines, thread, string);
    }
  }

  setCertainty(slot: number, certainty: Certainty): void {
    this.#certainties.set(slot, certainties.indexOf(certainty));
  }

  /** Writes what is known of the tasks in these slots, which are all there are, in the order of their ids. */
  save(writer: SnapshotWriter, slots: readonly number[]): void {
    const { length } = slots;
    writer.number(this.#lastId);
    const column = (numberOf: (slot: number) => number) => {
      writer.numbers(length, (i) => numberOf(slots[i] ?? 0));
    };
    const strings = (field: Field) => column((slot) => writer.string(this.#strings.at(field.get(slot))));
    column((slot) => this.idAt(slot));
    column((slot) => this.idAt(slot) - this.parentAt(slot));
    // Pids are given out one after another, as ids are.
    column((slot) => this.pidAt(slot) - this.idAt(slot));
    column((slot) => this.pidAt(slot) - this.tgidAt(slot));
    column((slot) => this.startTicksAt(slot));
    column((slot) => this.uidAt(slot));
    column((slot) => this.suidAt(slot) - this.uidAt(slot));
    strings(this.#comms);
    strings(this.#programs);
    strings(this.#commandLines);
    column((slot) => this.#certainties.get(slot));
    column((slot) => (this.slotOfPid(this.pidAt(slot)) === slot ? 1 : 0));
  }

  /** Reads `count` tasks, into the slots from 1 on. There must be none yet. */
  load(reader: SnapshotReader, count: number): void {
    this.#lastId = reader.number();
    this.#count = count;
    this.#end = count + 1;
    const ids = this.#ids;
    const pids = this.#pids;
    const column = (field: Field, base?: Field, sign = 1) => {
      field.reserve(count + 1);
      reader.each(count, (value, i) => field.set(i + 1, (base?.get(i + 1) ?? 0) + sign * value));
    };
    const known: number[] = [];
    const strings = (field: Field) => {
      field.reserve(count + 1);
      reader.each(count, (value, i) => {
        const number = known[value];
        field.set(i + 1, number ? this.#strings.share(number) : this.#strings.take(reader.string(value)));
        known[value] = field.get(i + 1);
      });
    };
    column(ids);
    column(this.#parents, ids, -1);
    column(pids, ids);
    column(this.#tgids, pids, -1);
    column(this.#startTicks);
    column(this.#uids);
    column(this.#suids, this.#uids);
    strings(this.#comms);
    strings(this.#programs);
    strings(this.#commandLines);
    column(this.#certainties);
    this.#byId.reserve(count);
    this.#byPid.reserve(count);
    reader.each(count, (isFound, i) => {
      const slot = i + 1;
      this.#byId.put(slot);
      if (isFound === 1) this.#byPid.put(slot);
      const tgid = this.tgidAt(slot);
      if (this.pidAt(slot) !== tgid) this.#joinThreads(slot, tgid);
    });
  }

  idAt(slot: number): number {
    return this.#ids.get(slot);
  }

  parentAt(slot: number): number {
    return this.#parents.get(slot);
  }

  pidAt(slot: number): number {
    return this.#pids.get(slot);
  }

  tgidAt(slot: number): number {
    return this.#tgids.get(slot);
  }

  startTicksAt(slot: number): number {
    return this.#startTicks.get(slot);
  }

  uidAt(slot: number): number {
    return this.#uids.get(slot);
  }

  suidAt(slot: number): number {
    return this.#suids.get(slot);
  }

  commAt(slot: number): Bytes {
    return this.#strings.at(this.#comms.get(slot));
  }

  programAt(slot: number): Bytes {
    return this.#strings.at(this.#programs.get(slot));
  }

  commandLineAt(slot: number): CommandLine | undefined {
    const string = this.#strings.at(this.#commandLines.get(slot));
    return string === '' ? undefined : { arguments: string.slice(1), cut: string.startsWith('+') };
  }

  certaintyAt(slot: number): Certainty {
    const certainty = certainties[this.#certainties.get(slot)];
    assert(certainty, `slot ${slot} has a certainty`);
    return certainty;
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot === 0) {
      this.#end += 1;
      return this.#end - 1;
    }
    this.#free = this.#parents.get(slot);
    return slot;
  }

  #rewrite(field: Field, slot: number, string: Bytes): void {
    const before = field.get(slot);
    if (this.#strings.at(before) === string) return;
    this.#strings.drop(before);
    field.set(slot, this.#strings.take(string));
  }

  #clear(field: Field, slot: number): void {
    this.#strings.drop(field.get(slot));
    field.set(slot, 0);
  }

  #joinThreads(slot: number, tgid: number): void {
    this.#firstThreads.set(tgid, this.#threads.add(this.#firstThreads.get(tgid) ?? 0, slot));
  }

  /** The leader is in no list: it has its process's pid. */
  #leaveThreads(slot: number): void {
    const tgid = this.tgidAt(slot);
    if (this.pidAt(slot) === tgid) return;
    const first = this.#threads.remove(this.#firstThreads.get(tgid) ?? 0, slot);
    if (first === 0) this.#firstThreads.delete(tgid);
    else this.#firstThreads.set(tgid, first);
  }
}
