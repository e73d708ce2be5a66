/**
 * Agent calls: a release agent that writes down each call, one line a path, and the account of its lines. Each
 * side has one of its own. No path has a newline in it: neither side would make such a container.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Bytes } from '../../events/bytes.ts';

export class AgentCalls {
  /** The agent: a program with one argument. */
  readonly program: string;
  readonly #account: string;

  /** `name` tells the sides' files in `folder` apart. */
  constructor(folder: string, name: string) {
    this.program = `${folder}/${name}-agent`;
    this.#account = `${folder}/${name}-calls`;
    const script = `#!/bin/sh\nprintf '%s\\n' "$1" >> '${this.#account}'\n`;
    writeFileSync(this.program, script, { mode: 0o755 });
  }

  /** How often the agent was called for each path. */
  counts(): Map<Bytes, number> {
    const counts = new Map<Bytes, number>();
    if (!existsSync(this.#account)) return counts;
    for (const path of readFileSync(this.#account, 'latin1').split('\n').slice(0, -1)) {
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
    return counts;
  }
}
