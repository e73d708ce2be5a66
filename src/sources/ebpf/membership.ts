/**
 * Membership: the part of the programs that keeps the map of places, by which the kernel itself knows which container
 * of tasktrail's own tree each task is in. The daemon writes an entry when a task is moved; the programs copy it to
 * each child at its birth, and take it away at the exit. A task in the root has none. They do so also when the ring
 * has no room: that is when the map is needed.
 *
 * An entry is under a task's pid and names its process as well. A thread that takes its leader's pid by an exec gives
 * up its own some time before its exec is seen (fs/exec.c: de_thread), and by then that may be another task's, of
 * another process: then what it was in is not known here any more, and the entry says so.
 *
 * A task may end while the daemon moves it, and its entry is then written behind its exit. Until the daemon sees that exit
 * and takes it away, it does no harm: each birth writes the entry of its pid or takes it away, so whoever has that pid
 * next never has what was left.
 */
import { helpers } from '../../system/bpf.ts';
import { type Assembler, r0, r1, r2, r3, r4, r6, r7, r8, r10 } from './assembler.ts';
import type { Member } from './btf.ts';
import { countLoss, lossCounters, type Sinks } from './parts.ts';
import { placeEntry, unknownPlace } from './record.ts';

interface Layout {
  readonly pid: Member;
  readonly tgid: Member;
}

/** Where on the stack it keeps its key, its entry and the place of a child, below what the walk of groups needs. */
const key = -88;
const entry = -104;
const place = -112;

/** The child in r6 gets the place of the thread that forks it. r1 to r5 are lost. */
export function inheritPlace(program: Assembler, layout: Layout, sinks: Sinks): void {
  program.storeConstant(8, r10, place, 0).call(helpers.getCurrentPidTgid).store(4, r10, key, r0);
  lookUp(program, sinks);
  program
    .load(4, r1, r6, layout.pid.offsetBytes)
    .store(4, r10, key, r1)
    .jumpIf(r0, '==', 0, 'in the root')
    .load(8, r1, r0, placeEntry.container)
    .store(8, r10, place, r1);
  writeEntry(program, layout, sinks);
  program.jump('placed in our tree').label('in the root');
  // Whoever had this pid may have left an entry.
  forgetPlace(program, sinks);
  program.label('placed in our tree');
}

/** Copies the child's place into the record. */
export function copyPlace(program: Assembler, to: number): void {
  program.load(8, r1, r10, place).store(8, r7, to, r1);
}

/** Keeps the pid of the task in r6 for `forgetPlace`. */
export function keepPid(program: Assembler, layout: Layout): void {
  program.load(4, r1, r6, layout.pid.offsetBytes).store(4, r10, key, r1);
}

/** Takes away the entry of the pid that was kept; r1 and r2 are lost. */
export function forgetPlace(program: Assembler, sinks: Sinks): void {
  program.loadMap(r1, sinks.places).move(r2, r10).add(r2, key).call(helpers.mapDelete);
}

/** The task in r6 has executed a program; where that gave it another pid, the old one in r8, its entry goes with it. */
export function succeedPlace(program: Assembler, layout: Layout, sinks: Sinks): void {
  program
    .load(4, r1, r6, layout.pid.offsetBytes)
    .jumpIfRegister(r1, '==', r8, 'keeps its place')
    .store(4, r10, key, r8);
  lookUp(program, sinks);
  program
    .jumpIf(r0, '==', 0, 'keeps its place')
    .load(4, r1, r0, placeEntry.tgid)
    .load(4, r2, r6, layout.tgid.offsetBytes)
    .jumpIfRegister(r1, '!=', r2, "another's by now")
    .load(8, r1, r0, placeEntry.container)
    .store(8, r10, place, r1);
  forgetPlace(program, sinks);
  program.jump('takes its place along').label("another's by now").storeConstant(8, r10, place, unknownPlace);
  program.label('takes its place along').load(4, r1, r6, layout.pid.offsetBytes).store(4, r10, key, r1);
  writeEntry(program, layout, sinks);
  program.label('keeps its place');
}

/** r0 = the entry of the key, or 0. */
function lookUp(program: Assembler, sinks: Sinks): void {
  program.loadMap(r1, sinks.places).move(r2, r10).add(r2, key).call(helpers.mapLookUp);
}

/** Writes the place and the process of the task in r6 under the key, or counts a loss where there is no room. */
function writeEntry(program: Assembler, layout: Layout, sinks: Sinks): void {
  program
    .load(8, r1, r10, place)
    .store(8, r10, entry + placeEntry.container, r1)
    .load(4, r1, r6, layout.tgid.offsetBytes)
    .store(8, r10, entry + placeEntry.tgid, r1)
    .loadMap(r1, sinks.places)
    .move(r2, r10)
    .add(r2, key)
    .move(r3, r10)
    .add(r3, entry)
    .set(r4, 0)
    .call(helpers.mapUpdate)
    .jumpIf(r0, '==', 0, 'written');
  countLoss(program, sinks, lossCounters.places);
  program.label('written');
}
