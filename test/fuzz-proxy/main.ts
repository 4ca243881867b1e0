/**
 * `npm run fuzz:proxy`: a real proxy between clients that say what parsers dislike and an application that answers so.
 * It must not crash, hang, answer one request with what belongs to another, or hand on what two parsers could read
 * differently; and its memory must stay flat.
 *
 *   --requests 1000000   --responses 100000   --seed 1   --from 0
 *
 * The same seed gives the same conversations, and `--from` goes on where an earlier run ended. What fails is tried alone,
 * made as short as it gets and printed, to be put into `test/fuzz-proxy/golden`. Ends with 1 when there is something.
 */
import { parseArgs } from 'node:util';
import { judgeRequests, judgeResponses } from './conversation.ts';
import { conversationOf } from './requests.ts';
import { type Failure, RESPONSES_EACH, type Report, fuzzRequests, fuzzResponses } from './run.ts';
import { shrunk } from './shrink.ts';
import { type World, openWorld } from './world.ts';

/** Growth of the second half over the first that a collector's mood does not explain. */
const MOST_GROWTH_MIB = 32;
/** Of what was sampled, the beginning is warming up. */
const WARM_UP = 0.25;

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { requests: text, responses: text, seed: text, from: text },
  strict: true,
});
// Traces of what is thrown at every refusal, which nobody reads.
Error.stackTraceLimit = 0;
process.exitCode = await main();

async function main(): Promise<number> {
  const seed = Number(values.seed ?? 1);
  const from = Number(values.from ?? 0);
  const world = await openWorld();
  try {
    const requests = { seed, from, count: Number(values.requests ?? 1_000_000) };
    const responses = { seed, from, count: Number(values.responses ?? 100_000) };
    const wrong = [
      ...(requests.count > 0 ? await told('requests', await fuzzRequests(world, requests)) : []),
      ...(responses.count > 0 ? await told('responses', await fuzzResponses(world, responses)) : []),
    ];
    for (const failure of wrong) await show(world, seed, failure);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await world.close();
  }
}

async function told(kind: Failure['kind'], report: Report): Promise<readonly Failure[]> {
  const { sent, answered, arrived, next, mib, failures } = report;
  const warm = mib.slice(Math.floor(mib.length * WARM_UP));
  const first = Math.max(...warm.slice(0, Math.ceil(warm.length / 2)));
  const second = Math.max(...warm.slice(Math.ceil(warm.length / 2)));
  console.log(
    `${kind}: ${sent} sent, ${arrived} arrived at the application, ${answered} answers; next --from ${next}; ` +
      `memory of the worker ${first.toFixed(0)} then ${second.toFixed(0)} MiB in ${mib.length} s; ${failures.length} failures`,
  );
  if (!(second > first + MOST_GROWTH_MIB)) return failures;
  return [...failures, { kind, number: next, wrong: `memory grew: ${mib.map(Math.round).join(' ')} MiB` }];
}

async function show(world: World, seed: number, { kind, number, wrong }: Failure): Promise<void> {
  console.log(`\n${kind} ${number} of seed ${seed}: ${wrong}`);
  const worker = world.workerPid();
  if (kind === 'responses') {
    const numbers = Array.from({ length: RESPONSES_EACH }, (_, i) => number * RESPONSES_EACH + i);
    console.log(`alone: ${(await judgeResponses(world.port, numbers)).wrong ?? 'well'}`);
    return;
  }
  const conversation = conversationOf(seed, number);
  const fails = async (bytes: string): Promise<boolean> => {
    const before = world.workerPid();
    const judged = await judgeRequests(world.port, {
      ...conversation,
      bytes,
      cuts: [],
      sound: [],
      ends: false,
      refused: false,
    });
    return judged.wrong !== null || world.application.complaints().length > 0 || world.workerPid() !== before;
  };
  const alone = await judgeRequests(world.port, conversation);
  console.log(
    `alone: ${alone.wrong ?? 'well'}${world.workerPid() === worker ? '' : ', and the worker ended'}`,
  );
  if (!(await fails(conversation.bytes))) return;
  console.log(JSON.stringify(await shrunk(conversation.bytes, fails)));
}
