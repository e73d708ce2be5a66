/**
 * What every source that is woken by the kernel does: a wake comes once, for what is queued already and for what comes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { Source } from '../../src/ports.ts';
import { deedsProgram } from './deeds.ts';

export async function requireWakes(open: () => Source): Promise<void> {
  const own = open();
  try {
    const woken = () => new Promise<void>((resolve) => own.wake(resolve));
    spawn(deedsProgram(), ['users', '0', '0', '0']);
    await woken();
    assert.ok(own.drain(() => {}) > 0);
    const later = woken();
    spawn(deedsProgram(), ['users', '0', '0', '0']);
    await later;
    assert.ok(own.drain(() => {}) > 0);
  } finally {
    own.close();
  }
}
