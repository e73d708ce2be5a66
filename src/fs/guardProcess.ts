/**
 * The guard's own process. It hears from the daemon every second, as a line with the numbers of the connections that it
 * guards; when it has heard nothing for a while, it cuts those at which somebody waits.
 *
 * It counts its own seconds: if both were stopped, as in a suspended machine, the daemon has its time again.
 */
import { messageOf } from '../system/errno.ts';
import { abort, reachControl, waitingAt } from '../system/fuseControl.ts';

const secondMs = 1000;
/** The last word may be a second old when the daemon stops: it has ten whole ones. */
const patience = 11;

let connections: readonly number[] = [];
let unheard = 0;
let rest = '';

process.title = 'tasktrail-guard';
process.stdin.setEncoding('latin1');
process.stdin.on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  const last = lines.at(-1);
  if (last === undefined) return;
  connections = last.split(' ').filter(Boolean).map(Number);
  unheard = 0;
});
// The daemon has ended, and the kernel has cut its connections.
process.stdin.on('end', () => process.exit());

setInterval(() => {
  unheard += 1;
  if (unheard > patience) cut();
}, secondMs);

/** A daemon that nobody waits for may stand still as long as it likes. */
function cut(): void {
  try {
    reachControl();
    const waited = connections.filter((connection) => waitingAt(connection) > 0);
    for (const connection of waited) abort(connection);
    connections = connections.filter((connection) => !waited.includes(connection));
  } catch (error) {
    console.error(`tasktrail: the daemon does not answer, and its mounts cannot be cut: ${messageOf(error)}`);
    process.exit(1);
  }
}
