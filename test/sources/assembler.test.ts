/**
 * The assembler of eBPF programs: the bytes of instructions, and jumps that find their labels.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Assembler, r0, r1, r2, r6, r7, r10 } from '../../src/sources/ebpf/assembler.ts';
import { helpers } from '../../src/system/bpf.ts';

const test = suite('assembler');

/** The bytecode as hexadecimal, one instruction a word. */
function words(assembler: Assembler): string[] {
  return Buffer.from(assembler.assemble()).toString('hex').match(/.{16}/g) ?? [];
}

test('instructions are encoded as the instruction set says', () => {
  const assembler = new Assembler()
    .set(r0, -2)
    .move(r6, r1)
    .add(r2, 8)
    .divide(r0, 1000)
    .and(r1, 0x7fff_ffff)
    .load(8, r1, r6, 0x718)
    .load(4, r1, r6, 16)
    .load(2, r1, r6, 2)
    .load(1, r1, r6, 1)
    .store(4, r7, 20, r1)
    .store(8, r10, -8, r1)
    .storeConstant(4, r7, 0, 3)
    .storeConstant(8, r7, 8, 0)
    .addAtomically(r1, 0, r2)
    .call(helpers.ringbufReserve)
    .exit();
  assert.equal(words(assembler), [
    'b7000000feffffff',
    'bf16000000000000',
    '0702000008000000',
    '37000000e8030000',
    '57010000ffffff7f',
    '7961180700000000',
    '6161100000000000',
    '6961020000000000',
    '7161010000000000',
    '6317140000000000',
    '7b1af8ff00000000',
    '6207000003000000',
    '7a07080000000000',
    'db21000000000000',
    '8500000083000000',
    '9500000000000000',
  ]);
});

test('a map is loaded by two instructions', () => {
  assert.equal(words(new Assembler().loadMap(r1, 5)), ['1811000005000000', '0000000000000000']);
  assert.equal(words(new Assembler().loadMapValue(r2, 6)), ['1822000006000000', '0000000000000000']);
});

test('jumps reach their labels, forward and back, and count from the next instruction', () => {
  const assembler = new Assembler()
    .label('again')
    .jumpIf(r0, '==', 7, 'end')
    .loadMap(r1, 5)
    .jumpIfRegister(r1, '!=', r2, 'again')
    .jump('end')
    .label('end')
    .exit();
  assert.equal(words(assembler), [
    '1500040007000000',
    '1811000005000000',
    '0000000000000000',
    '5d21fcff00000000',
    '0500000000000000',
    '9500000000000000',
  ]);
});

test('every relation has its own code', () => {
  const codes = (['==', '>', '>=', '!=', '<', '<='] as const).map((relation) =>
    words(new Assembler().jumpIf(r0, relation, 0, 'end').label('end'))[0]?.slice(0, 2),
  );
  assert.equal(codes, ['15', '25', '35', '55', 'a5', 'b5']);
});

test('a label that is missing or given twice is a mistake', () => {
  assert.throws(() => new Assembler().jump('nowhere').assemble(), /no label nowhere/);
  assert.throws(() => new Assembler().label('here').label('here'), /here is given twice/);
});

test('what does not fit an instruction is a mistake', () => {
  assert.throws(() => new Assembler().load(8, r1, r6, 2 ** 15), /does not fit 16 bits/);
  assert.throws(() => new Assembler().set(r0, 2 ** 31), /does not fit 32 bits/);
});

test.run();
