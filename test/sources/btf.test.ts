/**
 * The reader of the kernel's type information, on a small blob made by hand.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Btf } from '../../src/sources/ebpf/btf.ts';
import { testNeeding } from '../support/needs.ts';

const test = suite('BTF');

interface Options {
  readonly count?: number;
  readonly flag?: boolean;
  readonly of?: number;
}

/** Writes BTF: types by hand, names by text. */
class Blob {
  readonly #words: number[] = [];
  #strings = '\0';

  name(text: string): number {
    const at = this.#strings.length;
    this.#strings += `${text}\0`;
    return at;
  }

  /** A type's head and what follows it; `kind` with its count and its flag as in the format's `info`, and `of` a type. */
  type(name: string, kind: number, options: Options, ...tail: number[]): this {
    const info = (options.flag ? 2 ** 31 : 0) + kind * 2 ** 24 + (options.count ?? 0);
    this.#words.push(name === '' ? 0 : this.name(name), info, options.of ?? 0, ...tail);
    return this;
  }

  bytes(): Uint8Array {
    const types = Buffer.from(Uint32Array.from(this.#words).buffer);
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    header.writeUInt32LE(24, 4);
    header.writeUInt32LE(types.length, 12);
    header.writeUInt32LE(types.length, 16);
    header.writeUInt32LE(this.#strings.length, 20);
    return Buffer.concat([header, types, Buffer.from(this.#strings, 'latin1')]);
  }
}

/** One type of every kind that has a tail of its own, so that a wrong length would lose what comes after. */
function example(): Btf {
  const blob = new Blob();
  blob.type('int', 1, {}, 32);
  blob.type('', 3, {}, 1, 1, 16);
  blob.type('numbers', 6, { count: 2 }, blob.name('ONE'), 1, blob.name('TWO'), 2);
  blob.type('', 13, { count: 1 }, blob.name('x'), 1);
  blob.type('variable', 14, {}, 0);
  blob.type('section', 15, { count: 1 }, 5, 0, 4);
  blob.type('tag', 17, {}, 0);
  blob.type('big', 19, { count: 1 }, blob.name('BIG'), 0, 1);
  // Type 9: an anonymous union inside of the struct, at bit 64 there.
  blob.type('', 5, { count: 2 }, blob.name('inner'), 1, 0, blob.name('other'), 1, 0);
  const members = [blob.name('first'), 1, 0, blob.name('flag'), 1, 37 + 2 ** 24, 0, 9, 64];
  blob.type('thing', 4, { count: 4, flag: true }, ...members, blob.name('wide'), 1, 96 + 3 * 2 ** 24);
  blob.type('thing', 8, {}); // A typedef of the same name.
  blob.type('thin', 4, { count: 0 });
  blob.type('act', 12, {});
  blob.type('', 2, { of: 4 });
  blob.type('btf_trace_act', 8, { of: 14 });
  return new Btf(blob.bytes());
}

test('types are found by kind and whole name', () => {
  const btf = example();
  assert.is(btf.idOf('struct', 'thing'), 10);
  assert.is(btf.idOf('typedef', 'thing'), 11);
  assert.is(btf.idOf('struct', 'thin'), 12);
  assert.is(btf.idOf('function', 'act'), 13);
  assert.is(btf.idOf('function', 'thing'), undefined);
  assert.is(btf.idOf('struct', 'hing'), undefined);
  assert.is(btf.idOf('struct', ''), undefined);
});

test('members are found, in anonymous unions and as bit fields too', () => {
  const btf = example();
  assert.equal(btf.member('thing', 'first'), { offsetBytes: 0, mask: 0 });
  assert.equal(btf.member('thing', 'flag'), { offsetBytes: 4, mask: 0b0010_0000 });
  assert.equal(btf.member('thing', 'other'), { offsetBytes: 8, mask: 0 });
  assert.equal(btf.member('thing', 'wide'), { offsetBytes: 12, mask: 0b0000_0111 });
  assert.is(btf.member('thing', 'none'), undefined);
  assert.is(btf.member('nothing', 'first'), undefined);
});

test('the arguments of what a typedef points to are counted', () => {
  const btf = example();
  assert.is(btf.argumentsOf(btf.idOf('typedef', 'btf_trace_act') ?? 0), 1);
  assert.is(btf.argumentsOf(btf.idOf('typedef', 'thing') ?? 0), 0);
});

test('what is no BTF, or not all of it, is refused in words', () => {
  const sound = new Blob().type('int', 1, {}, 32).bytes();
  const changed = (at: number, value: number) => Buffer.from(sound).fill(value, at, at + 1);
  assert.throws(() => new Btf(Buffer.alloc(0)), 'too short to be BTF');
  assert.throws(() => new Btf(changed(0, 0)), 'not BTF of this byte order');
  assert.throws(() => new Btf(changed(2, 9)), 'BTF of an unknown version, 9');
  assert.throws(() => new Btf(sound.subarray(0, sound.length - 1)), 'BTF that is cut short');
  assert.throws(() => new Btf(changed(24 + 7, 30)), 'BTF with a type of an unknown kind, 30');
});

testNeeding(test, ['ebpf'], 'the kernel that runs describes its tasks', () => {
  const btf = new Btf(readFileSync('/sys/kernel/btf/vmlinux'));
  const pid = btf.member('task_struct', 'pid');
  const tgid = btf.member('task_struct', 'tgid');
  assert.is(tgid?.offsetBytes, (pid?.offsetBytes ?? 0) + 4);
  assert.ok(btf.idOf('typedef', 'btf_trace_task_newtask'));
});

test.run();
