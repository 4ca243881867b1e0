/**
 * `npm run fuzz:config`: configurations and bodies of the API made out of real ones, each of which must be answered within
 * bounds (`verdict.ts`): no exception, no message without end, nothing that changes what all objects inherit.
 *
 *   --inputs 1000000   --from 0   --seed 1   --workers 2   --only NUMBER
 *
 * The same seed gives the same inputs, and `--from` goes on where an earlier run ended. A failing one is made as short as it gets and printed, to be put into
 * `test/fuzz/golden`, which `test/fuzz-config.test.ts` reads for ever after. Ends with 1 when there is one.
 */
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { parseArgs } from 'node:util';
import { inputOf, type Input } from './inputs.ts';
import { shorter } from './shorter.ts';
import { judge, type Outcome } from './verdict.ts';

/** Without a word for so long, an input hangs. */
const SILENCE_MS = 60_000;
const REPORT_EVERY = 50;
const HEAP_MB = 512;
const MOST_FAILURES = 20;

type Share = { readonly seed: number; readonly from: number; readonly step: number; readonly end: number };
type Failure = { readonly number: number; readonly why: string };
type Report = {
  readonly at: number;
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly failures: readonly Failure[];
};

if (isMainThread) process.exitCode = await main();
else work(workerData as Share);

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { inputs: text, from: text, seed: text, workers: text, only: text },
    strict: true,
  });
  const seed = Number(values.seed ?? 1);
  if (values.only !== undefined) return show(seed, { number: Number(values.only), why: '' });
  const inputs = Number(values.inputs ?? 100_000);
  const first = Number(values.from ?? 0);
  const workers = Number(values.workers ?? 2);
  const beganMs = performance.now();
  const shares = Array.from({ length: workers }, (_, index) => ({
    seed,
    from: first + index,
    step: workers,
    end: first + inputs,
  }));
  const reports = await Promise.all(shares.map(run));
  const failures = reports.flatMap((report) => report.failures);
  const total = (outcome: Outcome): number => reports.reduce((sum, { counts }) => sum + counts[outcome], 0);
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(0);
  const answers = (['valid', 'refused', 'no JSON'] as const)
    .map((each) => `${total(each)} ${each}`)
    .join(', ');
  const done = total('valid') + total('refused') + total('no JSON') + failures.length;
  console.log(
    `${done} of ${inputs} inputs from ${first} of seed ${seed} in ${seconds} s: ${answers}; ${failures.length} failures`,
  );
  for (const failure of failures.slice(0, MOST_FAILURES)) show(seed, failure);
  return failures.length === 0 && done === inputs && total('valid') > 0 ? 0 : 1;
}

/** One thread; a crash, too much memory or silence is a failure of the input that it was at. */
async function run(share: Share): Promise<Report> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: share,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  let last: Report = { at: share.from, counts: { valid: 0, refused: 0, 'no JSON': 0 }, failures: [] };
  const deaths: string[] = [];
  let timer = setTimeout(() => undefined, 0);
  const hear = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      deaths.push(`no answer for ${SILENCE_MS} ms`);
      void worker.terminate();
    }, SILENCE_MS);
  };
  hear();
  worker.on('message', (report: Report) => {
    last = report;
    hear();
  });
  worker.on('error', (error) => deaths.push(String(error)));
  await once(worker, 'exit');
  clearTimeout(timer);
  if (deaths.length === 0) return last;
  const failure = {
    number: last.at,
    why: `${deaths.join(', ')}, at this one or up to ${REPORT_EVERY} after it`,
  };
  return { ...last, failures: [...last.failures, failure] };
}

function work({ seed, from, step, end }: Share): void {
  // Traces of thousands of refusals that nobody reads.
  Error.stackTraceLimit = 0;
  const counts: Record<Outcome, number> = { valid: 0, refused: 0, 'no JSON': 0 };
  const failures: Failure[] = [];
  for (let number = from, done = 0; number < end; number += step, done++) {
    if (done % REPORT_EVERY === 0) tell({ at: number, counts, failures });
    const outcome = complaint(inputOf(seed, number));
    if (outcome instanceof Error) failures.push({ number, why: outcome.message });
    else counts[outcome]++;
  }
  tell({ at: end, counts, failures });
}

function tell(report: Report): void {
  const port = parentPort!;
  port.postMessage(report satisfies Report);
}

function complaint(input: Input): Outcome | Error {
  try {
    return judge(input);
  } catch (error) {
    return error as Error;
  }
}

function show(seed: number, { number, why }: Failure): number {
  const input = shorter(inputOf(seed, number), (each) => complaint(each) instanceof Error);
  const found = complaint(input);
  const text = input.kind === 'file' ? input.bytes.toString('utf8') : input.text;
  console.log(
    `\ninput ${number} (${input.kind}): ${found instanceof Error ? found.message : `${why} ${found}`}`,
  );
  console.log(
    JSON.stringify(text.length > 2000 ? `${text.slice(0, 2000)}… ${text.length} characters` : text),
  );
  return found instanceof Error ? 1 : 0;
}
