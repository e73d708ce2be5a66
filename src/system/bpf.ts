/**
 * bpf(2): the system call that creates eBPF maps, loads programs and attaches them. Each function fills in one
 * command's attributes (`union bpf_attr` of include/uapi/linux/bpf.h) and gives back what the kernel answered;
 * a refusal is thrown as a `SystemCallError`. What the maps and programs are for is known elsewhere.
 */
import { cString } from './cStrings.ts';
import { errnoName, SystemCallError } from './errno.ts';
import { type Address, addressOf, checked, lastErrno, libc, type Memory } from './libc.ts';

const commands = {
  createMap: 0,
  lookUp: 1,
  update: 2,
  remove: 3,
  loadProgram: 5,
  pin: 6,
  openPin: 7,
  infoByDescriptor: 15,
  openRawTracepoint: 17,
  lookUpMany: 24,
  createLink: 28,
  createIterator: 33,
} as const;
const mapTypes = { hash: 1, array: 2, programs: 3, arrayOfMaps: 12, ring: 27 } as const;
const mappable = 1 << 10;
const allocatedAsNeeded = 1 << 0;
const tracingProgram = 26;

/** What a tracing program is attached to: a tracepoint with typed arguments, a function's entry, or an iterator. */
export const attachTypes = { tracepoint: 23, functionEntry: 24, iterator: 28 } as const;
export type AttachType = (typeof attachTypes)[keyof typeof attachTypes];

/**
 * A licence string that the kernel counts as compatible with the GPL, which the helpers that read kernel memory
 * ask for. It speaks of the bytecode that is loaded, which may be had under either licence.
 */
const license = 'Dual MIT/GPL';

/** Helpers a program can call, by their number in `enum bpf_func_id`. */
export const helpers = {
  mapLookUp: 1,
  mapUpdate: 2,
  mapDelete: 3,
  tailCall: 12,
  getCurrentPidTgid: 14,
  getCurrentUidGid: 15,
  probeReadUser: 112,
  probeReadKernel: 113,
  probeReadKernelString: 115,
  ktimeGetBootNs: 125,
  seqWrite: 127,
  ringbufReserve: 131,
  ringbufSubmit: 132,
  getCurrentTaskBtf: 158,
} as const;
export type Helper = (typeof helpers)[keyof typeof helpers];

/** A program to load: its name, its bytecode, and what it is meant to be attached to. */
export interface Program {
  readonly name: string;
  readonly code: Uint8Array;
  readonly attachType: AttachType;
  /** The type id, in the kernel's BTF, of the tracepoint's typedef, of the function, or of the iterator's. */
  readonly attachId: number;
}

/** Creates a ring buffer map; `sizeBytes` is a power of two and a multiple of the page size. */
export function createRing(name: string, sizeBytes: number): number {
  return createMap(name, mapTypes.ring, 0, 0, sizeBytes, 0);
}

/** Creates a map of one value, which is `length` 64-bit numbers, that can be mapped into this process. */
export function createCounters(name: string, length: number): number {
  return createMap(name, mapTypes.array, 4, 8 * length, 1, mappable);
}

/** Creates an array map of one value of this size. */
export function createText(name: string, sizeBytes: number): number {
  return createMap(name, mapTypes.array, 4, sizeBytes, 1, 0);
}

/** Creates a hash map that holds at most `length` values; memory is taken for those only that are there. */
export function createHash(name: string, keyBytes: number, valueBytes: number, length: number): number {
  return createMap(name, mapTypes.hash, keyBytes, valueBytes, length, allocatedAsNeeded);
}

/**
 * Creates a map of programs, by numbers from 0, that a program can go over into. It takes only programs that are for the
 * same thing as the first. When no descriptor or pin holds it any more, it is empty.
 */
export function createPrograms(name: string, length: number): number {
  return createMap(name, mapTypes.programs, 4, 4, length, 0);
}

/**
 * Returns when no eBPF program runs any more that was running at the call: the kernel waits for all of them before it
 * says that a map in a map has been set (kernel/bpf/syscall.c: maybe_wait_bpf_programs), which is done here for nothing
 * else. `map` may be any map. Takes some milliseconds.
 */
export function awaitRunningPrograms(map: number): void {
  const outer = createMap('tasktrail_wait', mapTypes.arrayOfMaps, 4, 4, 1, 0, map);
  try {
    writeEntry(outer, Uint32Array.of(0), Uint32Array.of(map));
  } finally {
    checked('closing an eBPF map', libc().close(outer));
  }
}

/** Reads the value of a key into `value`, which has the map's size; false where the map has no such key. */
export function readEntry(map: number, key: Memory, value: Memory): boolean {
  const attributes = new Attributes(32).u32(0, map).address(8, key).address(16, value);
  const result = bpf(commands.lookUp, attributes);
  if (result < 0 && errnoName(lastErrno()) === 'ENOENT') return false;
  required('reading from an eBPF map', result);
  return true;
}

/** Sets the value of a key, whether it is there or not. */
export function writeEntry(map: number, key: Memory, value: Memory): void {
  const attributes = new Attributes(32).u32(0, map).address(8, key).address(16, value);
  required('writing to an eBPF map', bpf(commands.update, attributes));
}

/** Removes a key; it need not be there. */
export function removeEntry(map: number, key: Memory): void {
  const result = bpf(commands.remove, new Attributes(32).u32(0, map).address(8, key));
  if (result < 0 && errnoName(lastErrno()) !== 'ENOENT') required('removing from an eBPF map', result);
}

/**
 * Reads all entries of a hash map, some thousand at a time: `see` is told how many stand in `keys` and `values`.
 * What is there from the beginning to the end is seen once; of what comes and goes meanwhile some is.
 */
export function readEntries(map: number, keys: Memory, values: Memory, see: (count: number) => void): void {
  // The kernel's own place in the map; no place before the first part.
  const place = new Uint32Array(1);
  const room = keys.length;
  for (let isFirst = true; ; isFirst = false) {
    const attributes = new Attributes(56);
    if (!isFirst) attributes.address(0, place);
    attributes.address(8, place).address(16, keys).address(24, values).u32(32, room).u32(36, map);
    const result = bpf(commands.lookUpMany, attributes);
    const isLast = result < 0 && errnoName(lastErrno()) === 'ENOENT';
    if (!isLast) required('reading an eBPF map', result);
    see(attributes.valueAt(32));
    if (isLast) return;
  }
}

/** The number that the kernel knows a map by, which no other map of this boot has. */
export function idOfMap(map: number): number {
  const info = new DataView(new ArrayBuffer(88));
  const bytes = new Uint8Array(info.buffer);
  const attributes = new Attributes(16).u32(0, map).u32(4, bytes.length).address(8, bytes);
  required('asking about an eBPF map', bpf(commands.infoByDescriptor, attributes));
  return info.getUint32(4, true);
}

/** Gives a map, a program or a link a name in a BPF filesystem, which keeps it when its descriptor is closed. */
export function pin(fd: number, path: string): void {
  const attributes = new Attributes(16).address(0, cString(path)).u32(8, fd);
  required(`pinning ${path}`, bpf(commands.pin, attributes));
}

/** The descriptor of what is pinned at a path. */
export function openPin(path: string): number {
  const attributes = new Attributes(16).address(0, cString(path));
  return required(`opening ${path}`, bpf(commands.openPin, attributes));
}

/**
 * Loads a program and gives back its descriptor. Where the kernel's verifier refuses it, the end of what the
 * verifier had to say stands in the error.
 */
export function loadProgram(program: Program): number {
  const licenseText = cString(license);
  const attributes = new Attributes(128)
    .u32(0, tracingProgram)
    .u32(4, program.code.length / 8)
    .address(8, program.code)
    .address(16, licenseText)
    .text(48, program.name)
    .u32(68, program.attachType)
    .u32(108, program.attachId);
  const attempt = `loading the eBPF program ${program.name}`;
  const result = loadUndisturbed(attributes);
  if (result >= 0) return result;
  const refusal = new SystemCallError(attempt, lastErrno());
  const complaint = complaintAbout(attributes);
  if (complaint !== '') refusal.message += `; the kernel says: ${complaint}`;
  throw refusal;
}

/**
 * The verifier breaks off with EAGAIN when a signal waits for this thread (kernel/bpf/verifier.c: do_check), be it a
 * child's end or a profiler's tick: it is asked again, and has the time for it between two signals.
 */
function loadUndisturbed(attributes: Attributes): number {
  for (let attempts = loadAttempts; ; attempts--) {
    const result = bpf(commands.loadProgram, attributes);
    if (result >= 0 || attempts === 1 || errnoName(lastErrno()) !== 'EAGAIN') return result;
  }
}

const loadAttempts = 100;

/** Attaches a loaded tracing program to what it was loaded for, and gives back the link's descriptor. */
export function attachProgram(name: string, program: number): number {
  const attributes = new Attributes(16).u32(8, program);
  return required(`attaching the eBPF program ${name}`, bpf(commands.openRawTracepoint, attributes));
}

/** Attaches a loaded iterator program to all that its iterator goes through, and gives back the link's descriptor. */
export function attachIterator(program: number): number {
  const attributes = new Attributes(64).u32(0, program).u32(8, attachTypes.iterator);
  return required('attaching an eBPF iterator', bpf(commands.createLink, attributes));
}

/** A descriptor of which each read gives more of what the iterator's program writes, and at the end nothing. */
export function createIterator(link: number): number {
  return required('starting an eBPF iterator', bpf(commands.createIterator, new Attributes(16).u32(0, link)));
}

/**
 * How often the program was not run because it was running already on the same CPU: `recursion_misses` of
 * `struct bpf_prog_info`. Kernels before 5.12 do not tell, and answer 0.
 */
export function missesOf(program: number): number {
  const info = new DataView(new ArrayBuffer(256));
  const bytes = new Uint8Array(info.buffer);
  const attributes = new Attributes(16).u32(0, program).u32(4, bytes.length).address(8, bytes);
  required('asking about an eBPF program', bpf(commands.infoByDescriptor, attributes));
  return Number(info.getBigUint64(recursionMissesAt, true));
}

const recursionMissesAt = 208;
const logLevelErrorsOnly = 1;

/** Loads once more, with the verifier's log switched on: for the words that explain the refusal. */
function complaintAbout(attributes: Attributes): string {
  const log = new Uint8Array(1 << 18);
  attributes.u32(24, logLevelErrorsOnly).u32(28, log.length).address(32, log);
  bpf(commands.loadProgram, attributes);
  const text = Buffer.from(log).toString('latin1').replace(/\0.*/s, '');
  return text.trim().split('\n').slice(-4).join(' | ');
}

function createMap(
  name: string,
  type: number,
  keyBytes: number,
  valueBytes: number,
  length: number,
  flags: number,
  inner = 0,
): number {
  const attributes = new Attributes(72)
    .u32(0, type)
    .u32(4, keyBytes)
    .u32(8, valueBytes)
    .u32(12, length)
    .u32(16, flags)
    .u32(20, inner)
    .text(28, name);
  return required(`creating the eBPF map ${name}`, bpf(commands.createMap, attributes));
}

function bpf(command: number, attributes: Attributes): number {
  return libc().syscall(bpfNumber(), command, addressOf(attributes.bytes), attributes.bytes.length);
}

/** x86 has its own numbers for system calls; every 64-bit machine that came later shares one table. */
function bpfNumber(): number {
  return process.arch === 'x64' ? 321 : 280;
}

function required(attempt: string, result: number): number {
  if (result < 0) throw new SystemCallError(attempt, lastErrno());
  return result;
}

/** The attributes of one bpf(2) command: zeros, but for the fields that are filled in by their offset. */
class Attributes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** What the attributes point to: it has to live as long as they do. */
  readonly #kept: Memory[] = [];

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(at: number, value: number): this {
    this.#view.setUint32(at, value, true);
    return this;
  }

  address(at: number, memory: Memory): this {
    this.#kept.push(memory);
    const address: Address = addressOf(memory);
    this.#view.setBigUint64(at, BigInt(address), true);
    return this;
  }

  /** What stands there, which the kernel may have changed. */
  valueAt(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** A name, of which the kernel keeps 15 characters and a zero. */
  text(at: number, text: string): this {
    this.bytes.set(Buffer.from(text, 'latin1').subarray(0, 15), at);
    return this;
  }
}
