/**
 * The stores that our log is measured beside. Their packages are installed by `npm ci --prefix tools/peers`, the server
 * of JetStream is Debian's `nats-server`.
 */
import { spawnSync } from 'node:child_process';
import type { Contestant } from '../bench/log/contestant.ts';
import { jetStream } from './jetStream.ts';
import { jsonLevel } from './jsonLevel.ts';
import { lmdbContestant } from './lmdb.ts';
import { plainFile } from './plainFile.ts';
import { sqliteContestant } from './sqlite.ts';

/** Throws where one is not installed. */
export async function openPeers(): Promise<readonly Contestant[]> {
  if (spawnSync('nats-server', ['--version']).status !== 0) {
    throw new Error('there is no nats-server: install it, as Debian has it');
  }
  try {
    return [plainFile, await sqliteContestant(), await lmdbContestant(), jetStream, jsonLevel];
  } catch (error) {
    throw new Error('the peers are not installed: run `npm ci --prefix tools/peers`', { cause: error });
  }
}
