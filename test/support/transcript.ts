/**
 * Transcripts: cases as text that reads like a shell session. A heading begins a case (`# 20. …` for row 20
 * of the table of cases, `# + …` for what the table does not have), `$ ` begins a command, the lines below a
 * command are its output, and other lines that begin with `#` are remarks. Each case is a machine of its own.
 */
import { Session } from './session.ts';

export interface Case {
  /** The row in the table of cases; undefined for a case beside the table. */
  readonly row: number | undefined;
  /** The heading without its `# `. */
  readonly title: string;
  readonly text: string;
}

export interface Transcript {
  /** What stands above the first case. */
  readonly preface: string;
  readonly cases: readonly Case[];
}

export function parseTranscript(text: string): Transcript {
  const [preface = '', ...cases] = text.split(/^(?=# (?:\d+\.|\+) )/m);
  return { preface, cases: cases.map(parseCase) };
}

/** The same case as it goes today: commands and remarks as they are, each output as it comes out. */
export function retell({ text }: Case): string {
  const session = new Session();
  const told: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('$ ')) told.push(line, ...session.run(line.slice(2)));
    else if (line === '' || line.startsWith('#')) told.push(line);
  }
  return told.join('\n');
}

function parseCase(text: string): Case {
  const title = text.slice(2, text.indexOf('\n'));
  const row = /^\d+/.exec(title)?.[0];
  return { row: row === undefined ? undefined : Number(row), title, text };
}
