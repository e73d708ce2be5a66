/** Heads as text: what is printed is what can be typed again. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { headText, headView, notedText, parseHead } from '../../src/engine/head.ts';

const heads = suite('heads');
const hash = '0123456789abcdef'.repeat(4);
const head = { seq: 1580, timeUs: 1_795_489_920_000_123, hash };

heads('a head that was printed is read again, with its time or without it', () => {
  const text = headText(headView(head));
  assert.is(text, `1580:${hash} 2026-11-24T03:12:00.000123Z`);
  for (const typed of [text, `${text}\n`, notedText(head), `  ${notedText(head)} `]) {
    assert.equal(parseHead(typed), { seq: 1580, hash }, typed);
  }
});

heads('what is no head is none', () => {
  for (const typed of [
    '',
    '1580',
    hash,
    `1580 ${hash}`,
    `1580:${hash}0`,
    `1580:${hash.slice(1)}`,
    `1580:${hash.toUpperCase()}`,
    `-1:${hash}`,
    `9007199254740993:${hash}`,
    `1580:${hash} a b`,
  ]) {
    assert.is(parseHead(typed), undefined, typed);
  }
});

heads.run();
