/**
 * An assembler for eBPF bytecode: instructions in, eight bytes each, out. It knows the encoding (Linux
 * Documentation/bpf/standardization/instruction-set.rst) and nothing of what a program is for; whether a program is
 * sound is for the kernel's verifier to say. Jumps go to labels, forward or back, and are resolved at the end.
 */
import assert from 'node:assert/strict';
import type { Helper } from '../../system/bpf.ts';

/**
 * Registers. r0 is a result, r1 to r5 are arguments and are lost by a call, r6 to r9 survive it, r10 is the end of the
 * stack.
 */
export const r0 = 0;
export const r1 = 1;
export const r2 = 2;
export const r3 = 3;
export const r4 = 4;
export const r5 = 5;
export const r6 = 6;
export const r7 = 7;
export const r8 = 8;
export const r9 = 9;
export const r10 = 10;
export type Register =
  | typeof r0
  | typeof r1
  | typeof r2
  | typeof r3
  | typeof r4
  | typeof r5
  | typeof r6
  | typeof r7
  | typeof r8
  | typeof r9
  | typeof r10;

/** How many bytes an instruction loads or stores. */
export type Width = 1 | 2 | 4 | 8;

/** A relation between two unsigned 64-bit values. */
export type Relation = '==' | '!=' | '>' | '>=' | '<' | '<=';

const widthBits: Record<Width, number> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 };
const relationBits: Record<Relation, number> = {
  '==': 0x10,
  '>': 0x20,
  '>=': 0x30,
  '!=': 0x50,
  '<': 0xa0,
  '<=': 0xb0,
};

const opcodes = {
  loadConstant64: 0x18,
  load: 0x61,
  storeConstant: 0x62,
  store: 0x63,
  atomic: 0xc3,
  addConstant: 0x07,
  subtractRegister: 0x1f,
  divideConstant: 0x37,
  andConstant: 0x57,
  setConstant: 0xb7,
  move: 0xbf,
  jumpConstant: 0x05,
  jumpRegister: 0x0d,
  call: 0x85,
  exit: 0x95,
} as const;

/** In a 64-bit constant's source field: the constant is a map's descriptor, or stands for a map's first value. */
const constantIsMap = 1;
const constantIsMapValue = 2;

interface Instruction {
  readonly opcode: number;
  readonly registers: number;
  offset: number;
  readonly constant: number;
}

export class Assembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();
  readonly #jumps: { readonly at: number; readonly label: string }[] = [];

  /** to = from */
  move(to: Register, from: Register): this {
    return this.#emit(opcodes.move, to, from, 0, 0);
  }

  /** to = constant, a signed 32-bit number. */
  set(to: Register, constant: number): this {
    return this.#emit(opcodes.setConstant, to, 0, 0, constant);
  }

  /** to += constant */
  add(to: Register, constant: number): this {
    return this.#emit(opcodes.addConstant, to, 0, 0, constant);
  }

  /** to -= from */
  subtract(to: Register, from: Register): this {
    return this.#emit(opcodes.subtractRegister, to, from, 0, 0);
  }

  /** to /= constant, unsigned. */
  divide(to: Register, constant: number): this {
    return this.#emit(opcodes.divideConstant, to, 0, 0, constant);
  }

  /** to &= constant */
  and(to: Register, constant: number): this {
    return this.#emit(opcodes.andConstant, to, 0, 0, constant);
  }

  /** to = the `width` bytes at base + offset, the rest of the register zero. */
  load(width: Width, to: Register, base: Register, offset: number): this {
    return this.#emit(opcodes.load | widthBits[width], to, base, offset, 0);
  }

  /** The `width` bytes at base + offset = from */
  store(width: Width, base: Register, offset: number, from: Register): this {
    return this.#emit(opcodes.store | widthBits[width], base, from, offset, 0);
  }

  /** The `width` bytes at base + offset = constant */
  storeConstant(width: Width, base: Register, offset: number, constant: number): this {
    return this.#emit(opcodes.storeConstant | widthBits[width], base, 0, offset, constant);
  }

  /** The 8 bytes at base + offset += from, whole even where other CPUs do the same at once. */
  addAtomically(base: Register, offset: number, from: Register): this {
    return this.#emit(opcodes.atomic | widthBits[8], base, from, offset, 0);
  }

  /** to = the map behind this descriptor. */
  loadMap(to: Register, map: number): this {
    return this.#loadConstant64(to, constantIsMap, map);
  }

  /** to = the address of the first value of the array map behind this descriptor. */
  loadMapValue(to: Register, map: number): this {
    return this.#loadConstant64(to, constantIsMapValue, map);
  }

  jump(label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#emit(opcodes.jumpConstant, 0, 0, 0, 0);
  }

  /** Jumps if the relation of the register to a constant holds. */
  jumpIf(left: Register, relation: Relation, constant: number, label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#emit(opcodes.jumpConstant | relationBits[relation], left, 0, 0, constant);
  }

  /** Jumps if the relation of one register to another holds. */
  jumpIfRegister(left: Register, relation: Relation, right: Register, label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#emit(opcodes.jumpRegister | relationBits[relation], left, right, 0, 0);
  }

  /** The next instruction can be jumped to by this name. */
  label(name: string): this {
    assert(!this.#labels.has(name), `the label ${name} is given twice`);
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  call(helper: Helper): this {
    return this.#emit(opcodes.call, 0, 0, 0, helper);
  }

  exit(): this {
    return this.#emit(opcodes.exit, 0, 0, 0, 0);
  }

  /** The bytecode, with every jump resolved. */
  assemble(): Uint8Array {
    this.#resolveJumps();
    const code = new DataView(new ArrayBuffer(8 * this.#instructions.length));
    for (const [i, instruction] of this.#instructions.entries()) {
      code.setUint8(8 * i, instruction.opcode);
      code.setUint8(8 * i + 1, instruction.registers);
      code.setInt16(8 * i + 2, instruction.offset, true);
      code.setInt32(8 * i + 4, instruction.constant, true);
    }
    return new Uint8Array(code.buffer);
  }

  /** A jump's distance counts instructions from the one after it. */
  #resolveJumps(): void {
    for (const { at, label } of this.#jumps) {
      const target = this.#labels.get(label);
      const instruction = this.#instructions[at];
      assert(target !== undefined, `there is no label ${label}`);
      assert(instruction !== undefined);
      instruction.offset = target - at - 1;
    }
  }

  /** A 64-bit constant takes two instructions; the second holds its upper half, which is 0 for a descriptor. */
  #loadConstant64(to: Register, meaning: number, constant: number): this {
    this.#emit(opcodes.loadConstant64, to, meaning, 0, constant);
    return this.#emit(0, 0, 0, 0, 0);
  }

  #emit(opcode: number, to: number, from: number, offset: number, constant: number): this {
    assert(offset >= -(2 ** 15) && offset < 2 ** 15, `the offset ${offset} does not fit 16 bits`);
    assert(constant >= -(2 ** 31) && constant < 2 ** 31, `the constant ${constant} does not fit 32 bits`);
    this.#instructions.push({ opcode, registers: to | (from << 4), offset, constant });
    return this;
  }
}
