/**
 * Heads as text: the end of the log's chain in a form that can be noted elsewhere, and be held against the log later.
 *
 *     SEQ:HASH TIME     1580:64c091b9…36fc442d 2026-11-24T07:03:17.119000Z
 *
 * SEQ and HASH (64 hex digits) say all that there is to check; TIME, that of the event, is for people.
 */
import type { Head, Noted } from '../ports.ts';
import { timeText } from './reads.ts';

/** A head as readers show it. */
export interface HeadView {
  readonly seq: number;
  readonly time: string;
  readonly hash: string;
}

export function headView({ seq, timeUs, hash }: Head): HeadView {
  return { seq, time: timeText(timeUs), hash };
}

export function headText({ seq, time, hash }: HeadView): string {
  return `${notedText({ seq, hash })} ${time}`;
}

export function notedText({ seq, hash }: Noted): string {
  return `${seq}:${hash}`;
}

/** A head as it was noted, with its time or without it; undefined where the text is none. */
export function parseHead(text: string): Noted | undefined {
  const [, seq, hash] = /^(\d{1,16}):([0-9a-f]{64})(?: \S+)?$/.exec(text.trim()) ?? [];
  if (seq === undefined || hash === undefined || !Number.isSafeInteger(Number(seq))) return undefined;
  return { seq: Number(seq), hash };
}
