/**
 * The reference is complete, and holds nothing that is not there: commands and options, events and their fields,
 * routes with their bodies and parameters; and every link in the documentation leads somewhere.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { layouts, words } from '../events/layout.ts';
import { runProgram } from '../src/cli/program.ts';
import { asCommand, BadRequest } from '../src/http/body.ts';
import { fakeTerminal } from './cli/fakeTerminal.ts';

const reference = suite('reference');
const home = fileURLToPath(new URL('..', import.meta.url));

reference(
  'every command is in the reference of the command line, and every one in there is one',
  async () => {
    const documented = [...sectionsOf('docs/reference/cli.md', '### ').keys()].map(unquoted);
    assert.equal(documented.sort(), (await helpOf('')).commands.sort());
  },
);

reference('every option is in the reference of the command line, under its command', async () => {
  const sections = sectionsOf('docs/reference/cli.md', '## ');
  const common = firstCells(sections.get('Options of every command'));
  const alone = firstCells(sections.get('Options without a command'));
  assert.equal([...common, ...alone].sort(), (await helpOf('')).options.sort());
  for (const [heading, text] of sectionsOf('docs/reference/cli.md', '### ')) {
    const [command = ''] = unquoted(heading).split(' ');
    const { options } = await helpOf(command);
    assert.equal([...common, ...firstCells(text)].sort(), options.sort(), command);
  }
});

reference('every event with each of its fields is in the reference of events, by its kind', () => {
  const sections = sectionsOf('docs/reference/events.md', '### ');
  assert.equal([...sections.keys()].map(unquoted).sort(), Object.keys(layouts).sort());
  for (const [heading, text] of sections) {
    const type = unquoted(heading) as keyof typeof layouts;
    const fields = rowsOf(text).map(([name = '', kind]) => [unquoted(name), kind]);
    assert.equal(fields, Object.entries(layouts[type].fields), type);
  }
});

reference('every code of a type, and every word by its number, is in the description of the log', () => {
  const codes = rowsOf(textOf('docs/reference/log-format.md'), 'code').map(([code, type = '']) => [
    unquoted(type),
    Number(code),
  ]);
  assert.equal(
    Object.fromEntries(codes),
    Object.fromEntries(Object.entries(layouts).map(([type, { code }]) => [type, code])),
  );
  const kinds = rowsOf(textOf('docs/reference/log-format.md').split('## Codes')[1], 'kind');
  const numbered = kinds.map(([kind = '', list = '']) => [
    kind,
    Object.fromEntries(list.split(', ').map((word, number) => [unquoted(word), number])),
  ]);
  assert.equal(Object.fromEntries(numbered), words);
});

reference('every route is in the reference of the API, and every one in there is one', () => {
  const documented = [...sectionsOf('docs/reference/api.md', '### ').keys()].map(unquoted);
  const server = textOf('src/http/server.ts');
  const reads = [...server.matchAll(/case '(\/v1\/\w+)':/g)].map(([, path]) => `GET ${path}`);
  const api = /export interface Commands \{(.*?)^\}/ms.exec(textOf('src/http/api.ts'))?.[1] ?? '';
  const commands = [...api.matchAll(/^ {2}readonly (\w+):/gm)].map(([, name]) => `POST /v1/${name}`);
  assert.equal(documented.sort(), [...reads, ...commands].sort());
});

reference('the body of a command has the fields that the reference lists, each of its kind', () => {
  const examples: Readonly<Record<string, unknown>> = { text: '/a', whole: 1, boolean: true, file: 'tasks' };
  for (const [heading, text] of sectionsOf('docs/reference/api.md', '### ')) {
    const [method, path = ''] = unquoted(heading).split(' ');
    if (method !== 'POST') continue;
    const name = path.replace('/v1/', '');
    const body = Object.fromEntries(
      rowsOf(text).map(([field = '', kind = '']) => [unquoted(field), examples[kind]]),
    );
    assert.equal(asCommand(name, body), [name, body]);
    for (const field of Object.keys(body)) {
      const { [field]: _, ...others } = body;
      assert.throws(
        () => asCommand(name, others),
        (error: Error) => error instanceof BadRequest,
        field,
      );
      assert.throws(() => asCommand(name, { ...body, [field]: null }), /is /, field);
    }
  }
});

reference('every parameter of a read is in the reference of the API', () => {
  const documented = [...sectionsOf('docs/reference/api.md', '### ')]
    .filter(([heading]) => heading.includes('GET'))
    .flatMap(([, text]) => rowsOf(text, 'parameter').map(([name = '']) => unquoted(name)));
  const asked = [...textOf('src/http/server.ts').matchAll(/\b[sS]earch(?:Params)?\.get\('(\w+)'\)/g)];
  assert.equal([...new Set(documented)].sort(), [...new Set(asked.map(([, name]) => name))].sort());
});

reference('every link in the documentation leads somewhere', () => {
  for (const page of ['README.md', ...pagesIn('docs')]) {
    for (const [, target = ''] of textOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const linked = path === '' ? page : join(dirname(page), path);
      assert.ok(existsSync(join(home, linked)), `${page} links to ${target}, which is not there`);
      if (anchor === undefined) continue;
      const anchors = [...textOf(linked).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchorOf(title));
      assert.ok(anchors.includes(anchor), `${page} links to ${target}, and there is no such heading`);
    }
  }
});

reference.run();

function textOf(path: string): string {
  return readFileSync(join(home, path), 'utf8');
}

function pagesIn(folder: string): string[] {
  return readdirSync(join(home, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

/** What stands under each heading of one depth, up to the next heading of that depth or above. */
function sectionsOf(page: string, mark: '## ' | '### '): Map<string, string> {
  const parts = textOf(page).split(/^(?=#{2,3} )/m);
  const sections = new Map<string, string>();
  let heading = '';
  for (const part of parts) {
    const [title = '', ...lines] = part.split('\n');
    if (title.startsWith(mark)) heading = title.slice(mark.length);
    else if (!title.startsWith('### ')) heading = '';
    if (heading !== '') sections.set(heading, `${sections.get(heading) ?? ''}${lines.join('\n')}`);
  }
  return sections;
}

/** The rows of the tables in a text; only of those whose first column has this title, where one is given. */
function rowsOf(text = '', title?: string): string[][] {
  const tables = [...text.matchAll(/^\|(.*)\|\n\|[-|]*\|\n((?:\|.*\|\n?)*)/gm)];
  return tables
    .filter(([, head = '']) => title === undefined || cellsOf(head)[0] === title)
    .flatMap(([, , rows = '']) =>
      rows
        .trimEnd()
        .split('\n')
        .map((row) => cellsOf(row.slice(1, -1))),
    );
}

function cellsOf(row: string): string[] {
  return row.split('|').map((cell) => cell.trim());
}

function firstCells(text: string | undefined): string[] {
  return rowsOf(text).map(([first = '']) => unquoted(first));
}

function unquoted(cell: string): string {
  return cell.replaceAll('`', '');
}

/** As it is made from a heading where Markdown is shown. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

/** What the help of a command lists; of the program itself where none is named. */
async function helpOf(command: string): Promise<{ commands: string[]; options: string[] }> {
  const terminal = fakeTerminal();
  await runProgram(
    [command, '--help'].filter((word) => word !== ''),
    terminal,
    {},
  );
  const help = terminal.printed.join('\n');
  return {
    commands: [...help.matchAll(/^ {2}([a-z]+(?: [<[][^ ]+)*) {2,}\S/gm)].map(([, term = '']) => term),
    options: [...help.matchAll(/^ {2}(-.*?) {2,}\S/gm)].map(([, term = '']) => term),
  };
}
