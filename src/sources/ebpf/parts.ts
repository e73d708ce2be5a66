/**
 * The parts that the eBPF programs share: how one finds a member of the kernel's structs, begins its record, fills in
 * what every record has, hands it over, and is tied to a tracepoint. What is worth recording is the programs' own.
 *
 * Throughout, r6 holds what a program is about and r7 its record.
 */
import { attachTypes, helpers, type Program } from '../../system/bpf.ts';
import { type Assembler, type Register, r0, r1, r2, r3, r7, type Width } from './assembler.ts';
import type { Btf, Member } from './btf.ts';
import { forkRecord } from './record.ts';

/** Where the programs put what they see: the descriptors of the ring and of the counter of losses. */
export interface Sinks {
  readonly ring: number;
  readonly losses: number;
}

const nanosecondsPerMicrosecond = 1000;

/** A program reads its arguments as 64-bit words. */
export const argument = (index: number) => 8 * index;

/** A member that the programs cannot do without. */
export function requiredMember(btf: Btf, structName: string, ...memberNames: readonly string[]): Member {
  for (const memberName of memberNames) {
    const member = btf.member(structName, memberName);
    if (member !== undefined) return member;
  }
  throw new Error(`the kernel's struct ${structName} has no ${memberNames.join(' or ')}`);
}

export function tracepointProgram(btf: Btf, tracepoint: string, code: Uint8Array): Program {
  return {
    name: tracepoint,
    code,
    attachType: attachTypes.tracepoint,
    attachId: tracepointId(btf, tracepoint),
  };
}

/** How many arguments the tracepoint has. Its typedef counts one more, which programs do not see. */
export function argumentsOfTracepoint(btf: Btf, tracepoint: string): number {
  return btf.argumentsOf(tracepointId(btf, tracepoint)) - 1;
}

function tracepointId(btf: Btf, tracepoint: string): number {
  const id = btf.idOf('typedef', `btf_trace_${tracepoint}`);
  if (id === undefined) throw new Error(`the kernel has no tracepoint ${tracepoint}`);
  return id;
}

/** Reserves a record, which r7 then points to, and writes its type and time; r6, r8 and r9 stay as they are. */
export function beginRecord(program: Assembler, sinks: Sinks, type: number, sizeBytes: number): void {
  program
    .loadMap(r1, sinks.ring)
    .set(r2, sizeBytes)
    .set(r3, 0)
    .call(helpers.ringbufReserve)
    .jumpIf(r0, '==', 0, 'lost')
    .move(r7, r0)
    .storeConstant(4, r7, forkRecord.type, type)
    .call(helpers.ktimeGetBootNs)
    .divide(r0, nanosecondsPerMicrosecond)
    .store(8, r7, forkRecord.bootUs, r0);
}

/** Hands the record over, or counts it as lost, and ends the program. */
export function endRecord(program: Assembler, sinks: Sinks): Uint8Array {
  program.move(r1, r7).set(r2, 0).call(helpers.ringbufSubmit).jump('done').label('lost');
  countLoss(program, sinks);
  return program.label('done').set(r0, 0).exit().assemble();
}

function countLoss(program: Assembler, sinks: Sinks): void {
  program.loadMapValue(r1, sinks.losses).set(r2, 1).addAtomically(r1, 0, r2);
}

/** Copies a member of the struct that `base` points to into the record. */
export function copy(program: Assembler, width: Width, base: Register, member: Member, to: number): void {
  program.load(width, r1, base, member.offsetBytes).store(width, r7, to, r1);
}
