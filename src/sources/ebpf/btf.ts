/**
 * A reader of BTF, the type information that a kernel carries of itself (Linux Documentation/bpf/btf.rst;
 * usually /sys/kernel/btf/vmlinux). It answers three questions: where in a struct a member lies, which id a
 * function or typedef has, and how many arguments such a function takes. It is a pure reader of bytes in this
 * machine's byte order.
 */

/** Where a member lies in its struct. Of a bit field, `offsetBytes` is the byte its first bit is in. */
export interface Member {
  readonly offsetBytes: number;
  /** The bits of that byte that are the member's; 0 where the member is no bit field. */
  readonly mask: number;
}

/** The kinds of type that can be asked for by name. */
export type NamedKind = 'struct' | 'typedef' | 'function';

const magic = 0xeb9f;
const headerBytes = 24;

const kinds = { struct: 4, union: 5, typedef: 8, function: 12, prototype: 13 } as const;

/** How many bytes follow a type's 12-byte head: this many, and this many for each of its elements. */
const tails: Readonly<Record<number, readonly [fixed: number, each: number]>> = {
  1: [4, 0], // integer
  2: [0, 0], // pointer
  3: [12, 0], // array
  4: [0, 12], // struct
  5: [0, 12], // union
  6: [0, 8], // enumeration
  7: [0, 0], // forward declaration
  8: [0, 0], // typedef
  9: [0, 0], // volatile
  10: [0, 0], // const
  11: [0, 0], // restrict
  12: [0, 0], // function
  13: [0, 8], // function prototype
  14: [4, 0], // variable
  15: [0, 12], // section
  16: [0, 0], // floating point number
  17: [4, 0], // declaration tag
  18: [0, 0], // type tag
  19: [0, 12], // 64-bit enumeration
};

export class Btf {
  /** The type section as 32-bit words: every field of it is one. */
  readonly #words: Uint32Array;
  readonly #strings: Uint8Array;
  /** For each type id the word its head begins at; id 0 is void. */
  readonly #heads: readonly number[];

  /** Throws an Error, in words, where the bytes are no BTF that this reader knows. */
  constructor(bytes: Uint8Array) {
    if (bytes.length < headerBytes) throw new Error('too short to be BTF');
    const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
    if (header.getUint16(0, true) !== magic) throw new Error('not BTF of this byte order');
    if (header.getUint8(2) !== 1) throw new Error(`BTF of an unknown version, ${header.getUint8(2)}`);
    const body = bytes.subarray(header.getUint32(4, true));
    const types = section(body, header.getUint32(8, true), header.getUint32(12, true));
    // A copy, because the section need not begin where a 32-bit word may.
    this.#words = new Uint32Array(new Uint8Array(types).buffer);
    this.#strings = section(body, header.getUint32(16, true), header.getUint32(20, true));
    this.#heads = headsOf(this.#words);
  }

  /** The id of the type of this kind and name; undefined where there is none. */
  idOf(kind: NamedKind, name: string): number | undefined {
    const wanted = Buffer.from(`${name}\0`, 'latin1');
    for (let id = 1; id < this.#heads.length; id++) {
      const head = this.#heads[id] ?? 0;
      if (kindAt(this.#words, head) === kinds[kind] && this.#isNamed(head, wanted)) return id;
    }
    return undefined;
  }

  /** The member of this name in the struct of that name, also inside anonymous structs and unions in it. */
  member(structName: string, memberName: string): Member | undefined {
    const id = this.idOf('struct', structName);
    if (id === undefined) return undefined;
    return this.#memberOf(id, Buffer.from(`${memberName}\0`, 'latin1'), 0);
  }

  /** How many arguments the functions take that the typedef of this id points to; 0 where it points to none. */
  argumentsOf(typedefId: number): number {
    const pointer = this.#word((this.#heads[typedefId] ?? 0) + 2);
    const prototype = this.#heads[this.#word((this.#heads[pointer] ?? 0) + 2)] ?? 0;
    return kindAt(this.#words, prototype) === kinds.prototype ? countAt(this.#words, prototype) : 0;
  }

  #memberOf(id: number, wanted: Uint8Array, baseBits: number): Member | undefined {
    const head = this.#heads[id] ?? 0;
    const kind = kindAt(this.#words, head);
    if (kind !== kinds.struct && kind !== kinds.union) return undefined;
    const hasBitFields = this.#word(head + 1) >>> 31 === 1;
    for (let i = 0; i < countAt(this.#words, head); i++) {
      const at = head + 3 + 3 * i;
      const place = this.#word(at + 2);
      const offsetBits = baseBits + (hasBitFields ? place & 0xffffff : place);
      const widthBits = hasBitFields ? place >>> 24 : 0;
      if (this.#isNamed(at, wanted)) return memberAt(offsetBits, widthBits);
      if (this.#word(at) !== 0) continue;
      const inner = this.#memberOf(this.#word(at + 1), wanted, offsetBits);
      if (inner !== undefined) return inner;
    }
    return undefined;
  }

  /** Whether the name at this word is the wanted one, which ends in a zero byte; an empty name is none. */
  #isNamed(at: number, wanted: Uint8Array): boolean {
    const start = this.#word(at);
    if (start === 0) return false;
    for (let i = 0; i < wanted.length; i++) {
      if (this.#strings[start + i] !== wanted[i]) return false;
    }
    return true;
  }

  #word(at: number): number {
    return this.#words[at] ?? 0;
  }
}

function section(body: Uint8Array, offset: number, length: number): Uint8Array {
  if (offset + length > body.length) throw new Error('BTF that is cut short');
  return body.subarray(offset, offset + length);
}

/** Walks all types once. Types have no index: each one's length follows from its kind. */
function headsOf(words: Uint32Array): number[] {
  const heads = [0];
  for (let head = 0; head < words.length; ) {
    const tail = tails[kindAt(words, head)];
    if (tail === undefined) throw new Error(`BTF with a type of an unknown kind, ${kindAt(words, head)}`);
    heads.push(head);
    head += 3 + (tail[0] + tail[1] * countAt(words, head)) / 4;
  }
  return heads;
}

function kindAt(words: Uint32Array, head: number): number {
  return ((words[head + 1] ?? 0) >>> 24) & 0x1f;
}

function countAt(words: Uint32Array, head: number): number {
  return (words[head + 1] ?? 0) & 0xffff;
}

function memberAt(offsetBits: number, widthBits: number): Member {
  const shift = offsetBits % 8;
  const mask = widthBits === 0 ? 0 : (((1 << widthBits) - 1) << shift) & 0xff;
  return { offsetBytes: (offsetBits - shift) / 8, mask };
}
