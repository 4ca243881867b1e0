import { parseArgs } from 'node:util';
import { play } from './chunk.ts';
import { Coverage } from './coverage.ts';
import { playAll } from './crowd.ts';
import type { Result } from './story.ts';
import { codeDigest, coverageOf, joined, loadTally, saveTally, type Tally } from './tally.ts';

const USAGE = `npm run sim -- --seed=N            plays one seed and prints what happened
npm run sim -- --seeds=N [--from=M] plays N seeds and prints the coverage; --stop ends at the first breach, --jobs=2 says on how many threads, --minutes=M when no more are begun
Either with --sqlite: on the real journal, opened again after every kill
npm run sim -- --seeds=N --from=M --save=FILE keeps what it came to; npm run sim -- --sum FILE FILE… prints pieces in a row as one run`;

/** With this many seeds no cell of the table may be empty. */
const FULL = 10_000;
const SHOWN_BREACHES = 20;

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '60' },
    sqlite: { type: 'boolean', default: false },
    stop: { type: 'boolean', default: false },
    save: { type: 'string' },
    sum: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

if (values.sum) process.exitCode = sumUp(positionals);
else if (values.seed !== undefined) process.exitCode = await playOne(whole(values.seed));
else if (values.seeds !== undefined)
  process.exitCode = await playMany(whole(values.from), whole(values.seeds));
else console.log(USAGE);

function whole(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`"${text}" is not a whole number.\n${USAGE}`);
}

async function playOne(seed: number): Promise<number> {
  const { breach, events } = await play(seed, values.sqlite, {
    coverage: new Coverage(),
    trace: console.log,
  });
  console.log(`seed ${seed}: ${events} events, ${breach === null ? 'no breach' : `BREACH at ${breach}`}`);
  return breach === null ? 0 : 1;
}

async function playMany(from: number, seeds: number): Promise<number> {
  const coverage = new Coverage();
  const breaches: Result[] = [];
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  // Before the first seed: the code may be changed while they are played.
  const code = codeDigest();
  let events = 0;
  let played = 0;
  const { sqlite, stop } = values;
  await playAll(
    { from, seeds, sqlite, stop },
    {
      jobs: Math.max(1, whole(values.jobs)),
      untilMs: startedMs + whole(values.minutes) * 60_000,
      heard: (chunk) => {
        events += chunk.events;
        played += chunk.played;
        coverage.addAll(chunk.counts);
        tellBreaches(chunk.breaches.slice(0, SHOWN_BREACHES - breaches.length), sqlite);
        breaches.push(...chunk.breaches);
      },
    },
  );
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(startedCpu);
  const cpuSeconds = (user + system) / 1e6;
  const counts = [...coverage.counts];
  const tally: Tally = { code, sqlite, from, played, events, breaches, seconds, cpuSeconds, counts };
  if (values.save !== undefined) saveTally(values.save, tally);
  const isSound = tell(tally);
  if (played < seeds && !stop)
    console.log(`${seeds - played} seeds were not played: ${values.minutes} minutes are over`);
  return isSound && played === seeds ? 0 : 1;
}

function sumUp(files: readonly string[]): number {
  const tally = joined(files.map(loadTally));
  tellBreaches(tally.breaches.slice(0, SHOWN_BREACHES), tally.sqlite);
  console.log(
    `${files.length} pieces, seeds ${tally.from} to ${tally.from + tally.played - 1}, code ${tally.code}`,
  );
  return tell(tally) ? 0 : 1;
}

function tellBreaches(breaches: readonly Result[], sqlite: boolean): void {
  for (const { seed, breach } of breaches)
    console.log(
      `seed ${seed}: BREACH at ${breach}\n  npm run sim -- --seed=${seed}${sqlite ? ' --sqlite' : ''}`,
    );
}

/** Whether there is nothing to find fault with. */
function tell(tally: Tally): boolean {
  const { played, events, breaches, seconds, cpuSeconds } = tally;
  const coverage = coverageOf(tally);
  const { empty } = coverage;
  console.log(coverage.table());
  console.log(
    `${played} seeds, ${events} events (${Math.floor(events / Math.max(1, played))} a seed on average), ${breaches.length} breaches, ` +
      `${empty.length} empty cells; ${seconds.toFixed(0)}s, ${(played / seconds).toFixed(1)} seeds/s, ` +
      `${(played / cpuSeconds).toFixed(1)} seeds per second of one core`,
  );
  const isCovered = played < FULL || empty.length === 0;
  if (!isCovered) console.log(`empty: ${empty.map(({ row, phase }) => `${row} / ${phase}`).join('; ')}`);
  return breaches.length === 0 && isCovered;
}
