/**
 * Hooks: what is tied to the kernel's tracepoints, and stays tied while one generation of programs takes over from
 * another. A hook writes nothing itself. It reads whose turn it is and goes over into that generation's program, if the
 * generation has one for it.
 *
 * Why no event is missed, none told twice, and none told before what it follows from:
 *
 * - An event runs one hook, and the hook reads the turn once. So each event is some one generation's as a whole: its
 *   record, the loss that is counted where there is no room for that, and what it does to the map of places.
 * - The turn only rises. Of two events of which one follows from the other (a birth and the child's end, two moves under
 *   one mutex), the first has read the turn before the second happens. So whatever an event of the old generation
 *   follows from is the old one's too, and all of the old ring followed by all of the new one is an order in which it
 *   can have happened: the same promise as that of one ring.
 * - The old ring is whole when every program has ended that may have read the turn before it rose, for which
 *   `awaitRunningPrograms` waits.
 * - Losses and places are counted and kept in maps that all generations share, so that they need not be handed over.
 */
import {
  attachProgram,
  createPrograms,
  helpers,
  loadProgram,
  type Program,
  removeEntry,
  writeEntry,
} from '../../system/bpf.ts';
import { Assembler, r0, r2, r3 } from './assembler.ts';
import type { Descriptors } from './descriptors.ts';

/** The descriptors of a hook: its own program, the tie to the tracepoint, and the generations' programs. */
export interface Hook {
  readonly program: number;
  readonly link: number;
  readonly slots: number;
}

/** Two are enough: a generation is done with before the one after its successor begins. */
const slotCount = 2;

/** Ties a hook to what the program is for; it does nothing until a slot is filled. `turn` is the map of the turn. */
export function attachHook(program: Program, turn: number, descriptors: Descriptors): Hook {
  const slots = descriptors.keep(createPrograms('tasktrail_slots', slotCount));
  const code = hookCode(turn, slots);
  const own = descriptors.keep(loadProgram({ ...program, code }));
  return { program: own, link: descriptors.keep(attachProgram(program.name, own)), slots };
}

/** Has a hook run this program when it is the generation's turn. */
export function fillSlot({ slots }: Hook, generation: number, program: number): void {
  writeEntry(slots, Uint32Array.of(generation % slotCount), Uint32Array.of(program));
}

/** Lets go of the program of a generation, which is not to be the one whose turn it is. */
export function clearSlot({ slots }: Hook, generation: number): void {
  removeEntry(slots, Uint32Array.of(generation % slotCount));
}

/** The arguments of the tracepoint stay in r1 for the program that is gone over into. */
function hookCode(turn: number, slots: number): Uint8Array {
  return new Assembler()
    .loadMapValue(r3, turn)
    .load(4, r3, r3, 0)
    .and(r3, slotCount - 1)
    .loadMap(r2, slots)
    .call(helpers.tailCall)
    .set(r0, 0)
    .exit()
    .assemble();
}
