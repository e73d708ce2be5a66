/**
 * Drain before decide: `npm run drain -- --times 20000 --source ebpf`. A program changes what tasks there are and at
 * once asks the daemon about it. As the daemon drains its source before it answers, no answer may be out of date; with
 * the drain switched off some must be, or the test could not fail. Prints both; ends with 1 when either is not so. The
 * process connector tells some exits late: where that is known, a few answers may be.
 */
import { parseArgs } from 'node:util';
import {
  caseNames,
  cases,
  type DrainedSource,
  drainedSources,
  lateCases,
  mostLate,
  type Outcome,
  runCase,
} from './drain/cases.ts';
import { Recording } from './recording.ts';

const { values } = parseArgs({
  options: { times: { type: 'string', default: '20000' }, source: { type: 'string', default: 'ebpf' } },
});
const times = Number(values.times);
if (!Number.isInteger(times) || times < 1) throw new Error(`--times is ${values.times}: give a whole number`);
const source = drainedSources.find((name) => name === values.source);
if (source === undefined)
  throw new Error(`--source is ${values.source}: give ${drainedSources.join(' or ')}`);

const drained = await outcomes(source, true, times);
// A tenth will do: nearly all are wrong, and some wait for the next drain.
const undrained = await outcomes(source, false, Math.ceil(times / 10));

console.log(`${'wrong answers of those asked for'.padEnd(66)}${'drained'.padStart(14)}${'not'.padStart(16)}`);
for (const [i, name] of caseNames.entries()) {
  const [kept, broken] = [drained[i], undrained[i]].map((outcome) => `${outcome?.wrong} / ${outcome?.asked}`);
  console.log(`${cases[name].padEnd(66)}${kept?.padStart(14)}${broken?.padStart(16)}`);
}
const late = lateCases[source];
const isKept = drained.every(({ wrong, asked }, i) => {
  const name = caseNames[i];
  return wrong === 0 || (name !== undefined && late.includes(name) && wrong < asked * mostLate);
});
const holds = isKept && undrained.every(({ wrong }) => wrong > 0);
for (const name of late) console.log(`known to be late, rarely, with ${source}: ${cases[name]}`);
console.log(holds ? 'drain before decide holds' : 'drain before decide does NOT hold');
process.exitCode = holds ? 0 : 1;

async function outcomes(
  source: DrainedSource,
  drainBeforeDecide: boolean,
  times: number,
): Promise<Outcome[]> {
  const recording = await Recording.start({ source, drainBeforeDecide });
  await recording.mkdir('/drain');
  const all: Outcome[] = [];
  for (const name of caseNames) all.push(await runCase(recording, name, times));
  await recording.stop(async () => {});
  return all;
}
