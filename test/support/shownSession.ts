/**
 * Sessions as the documentation shows them: blocks of commands with what they print. Pure functions over text: which
 * blocks a page has, and whether what was printed is what is shown.
 *
 * `$ ` begins a command, which goes on for as long as a quote is open; `^C` is one too. The lines below it are its
 * output, in which `…` stands for anything: alone on its line for any number of lines. What differs from run to run is
 * compared by kind: times, ids, sizes of the crowd, the width of columns. Pids and seqs have to stay themselves: one
 * that is shown twice is the same number twice, in commands too.
 */

export interface Step {
  readonly command: string;
  /** What is shown below it, whole lines; empty where it prints nothing. */
  readonly shown: string;
}

export type Block = readonly Step[];

/** The blocks of a page in Markdown. */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```console\n(.*?)^```$/gms)].map(([, text = '']) => stepsOf(text));
}

function stepsOf(text: string): Step[] {
  const steps: { command: string; shown: string }[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const last = steps.at(-1);
    if (last && isOpen(last.command)) last.command += `\n${line}`;
    else if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: '' });
    else if (line === '^C') steps.push({ command: line, shown: '' });
    else if (last) last.shown += `${line}\n`;
    else throw new Error(`a session begins with output: ${line}`);
  }
  return steps;
}

function isOpen(command: string): boolean {
  return (command.match(/'/g) ?? []).length % 2 === 1;
}

/** The numbers that are shown, and what they are in this run. */
export type Bindings = Map<string, string>;

/** A command as it has to be typed in this run. */
export function typedIn(command: string, bindings: Bindings): string {
  return command.replace(longNumber, (shown) => bindings.get(shown) ?? shown);
}

/** Whether `printed` is what is shown; where it is, `bindings` get the numbers that were not known before. */
export function isAsShown(shown: string, printed: string, bindings: Bindings): boolean {
  const { pattern, numbers } = patternOf(comparable(shown), bindings);
  const match = new RegExp(`^${pattern}$`).exec(comparable(printed));
  if (!match) return false;
  for (const [shownNumber, group] of numbers) bindings.set(shownNumber, match.groups?.[group] ?? '');
  return true;
}

function comparable(text: string): string {
  return byName(withoutRates(withoutStalls(text)));
}

/** A busy machine may make any recorder late, and then its log says so. */
function withoutStalls(text: string): string {
  return text.replace(/^\d{4}-\d\d-\d\d [\d:.]+ +\d+ {2}stall .*\n/gm, '');
}

/** Tasks are listed by pid, and the machine may begin anew with its pids between two of them. */
function byName(text: string): string {
  if (!/^ *PID /.test(text)) return text;
  const [head, ...rows] = text.trimEnd().split('\n');
  const nameOf = (row: string): string => row.replace(/[\d ]+/, '');
  return `${[head, ...rows.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))].join('\n')}\n`;
}

/** What happens a second at the end of a line depends on the second, and may be nothing. */
function withoutRates(text: string): string {
  return text.replace(/ {2,}(?:[\d,.]+ (?:forks|exits|attaches)\/s(?:, )?)+$/gm, '');
}

const longNumber = /(?<![\w.,/-])\d{3,}(?![\w.,/-])/g;

/** What is compared by kind, first come first served, each with the pattern that stands for it. */
const kinds: readonly (readonly [kind: string, pattern: string])[] = [
  ['(?<=^|\\n)…\\n', '(?:.*\\n)*?'],
  ['…', '.*'],
  [
    '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}',
    '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}',
  ],
  ['\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d', '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d'],
  ['\\b[0-9a-f]{64}\\b', '[0-9a-f]{64}'],
  ['(?<=recording +)[\\w-]{21}\\b', '[\\w-]{21}'],
  ['\\b[\\d.]+ (?:bytes|KiB|MiB)\\b', '[\\d.]+ (?:bytes|KiB|MiB)'],
  // How many there are of something, where it is not one.
  ['\\b[1-9][\\d,]*(?= (?:tasks|events|commits|in all))', '[1-9][\\d,]*'],
  ['(?<= {2})(?:[2-9]|\\d\\d)(?= {2})', '(?:[2-9]|[1-9]\\d+)'],
  ['(?<=^|\\n) +', ' *'],
  [' {2,}', ' {2,}'],
  // Programs are where the machine has them.
  ['(?<= )/usr/bin/(?=\\w)', '/(?:\\S+/)?'],
];

/** The pattern of what is shown, and the names of its groups for numbers that are not bound yet. */
function patternOf(
  shown: string,
  bindings: Bindings,
): { readonly pattern: string; readonly numbers: ReadonlyMap<string, string> } {
  const numbers = new Map<string, string>();
  const known = new RegExp([...kinds.map(([kind]) => `(${kind})`), `(${longNumber.source})`].join('|'), 'g');
  let pattern = '';
  let end = 0;
  for (const match of shown.matchAll(known)) {
    const [text, ...groups] = match;
    const kind = kinds[groups.findIndex((group) => group !== undefined)];
    pattern +=
      escaped(shown.slice(end, match.index)) + (kind ? kind[1] : numberPattern(text, bindings, numbers));
    end = match.index + text.length;
  }
  return { pattern: pattern + escaped(shown.slice(end)), numbers };
}

function numberPattern(shown: string, bindings: Bindings, numbers: Map<string, string>): string {
  const bound = bindings.get(shown);
  if (bound !== undefined) return bound;
  const group = numbers.get(shown);
  if (group !== undefined) return `\\k<${group}>`;
  numbers.set(shown, `n${shown}`);
  return `(?<n${shown}>\\d+)`;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
