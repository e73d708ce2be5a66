/**
 * The daemon's socket: where it listens, and who is at the other end.
 */
import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Actor } from '../kernel/command.ts';
import { reasonOf } from '../log/errors.ts';
import { peerOf } from '../system/peer.ts';

/** The descriptor is Node's own affair, and there is no other way to ask the kernel about a socket. */
export function peerOfSocket(socket: Socket): Actor {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
  return peerOf(handle.fd);
}

/** A socket left by a daemon that was killed is in the way; we hold the log, so nobody listens on it. */
export async function listen(server: Server, path: string): Promise<void> {
  try {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } catch (error) {
    throw new Error(`the daemon cannot listen at ${path}: ${reasonOf(error)}`, { cause: error });
  }
  // From here on an error is a connection that could not be taken, which its client sees. We go on.
  server.on('error', () => {});
}
