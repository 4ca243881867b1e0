import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutView } from '../../controller/views.ts';
import { formatElapsed } from '../../lib/duration.ts';
import { OperatingError } from '../../lib/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { shownStep, stateOf, stepPlace } from '../rollout-words.ts';
import { durationOf, wholeNumber } from '../values.ts';
import { printJson, type Context, type Verb } from '../verb.ts';

const LOOK_MS = 300;

export const wait: Verb = {
  configure: (command) =>
    command
      .option('--for <what>', 'done, paused or step=N (the 2 of `step 2/4`)', 'done')
      .option('--timeout <duration>', 'then exit with 14; the rollout goes on', '30m'),
  run: async (context) => {
    const { resultLine, rolloutOf } = await import('../follow-rollout.ts');
    const { io, args, options } = context;
    const id = args[0] ?? '';
    const goal = goalOf(String(options['for']));
    const timeoutMs = durationOf('--timeout', options['timeout'] ?? '');
    const endMs = io.nowMs() + timeoutMs;
    let interrupted = false;
    const stop = io.onInterrupt(() => {
      interrupted = true;
    });
    try {
      for (;;) {
        const rollout = await rolloutOf(context, id);
        const reached = reaches(rollout, goal);
        if (rollout.exitCode !== null) return finish(context, rollout, resultLine(rollout), rollout.exitCode);
        if (reached) return finish(context, rollout, `${id}: ${standing(rollout)}`, EXIT.done);
        if (interrupted)
          return finish(context, rollout, `${id} goes on: ${standing(rollout)}`, EXIT.detached);
        if (io.nowMs() >= endMs) {
          const text = `${id} goes on after ${formatElapsed(timeoutMs)}: ${standing(rollout)}`;
          return finish(context, rollout, text, EXIT.waitTimedOut);
        }
        await sleep(Math.min(LOOK_MS, Math.max(1, endMs - io.nowMs())));
      }
    } finally {
      stop();
    }
  },
};

type Goal =
  | { readonly kind: 'done' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'step'; readonly step: number };

function goalOf(text: string): Goal {
  if (text === 'done' || text === 'paused') return { kind: text };
  if (text.startsWith('step=')) return { kind: 'step', step: wholeNumber('--for step=N', text.slice(5), 1) };
  throw new OperatingError('USAGE', `--for is done, paused or step=N, not "${text}". Nothing was done.`, {
    retryable: false,
  });
}

function reaches(rollout: RolloutView, goal: Goal): boolean {
  if (goal.kind === 'paused') return rollout.paused || rollout.phase === 'asking';
  if (goal.kind === 'done') return false;
  const all = shownStep(rollout, rollout.steps.length);
  if (goal.step > all) {
    throw new OperatingError(
      'USAGE',
      `--for step=${goal.step}: ${rollout.id} has ${all} steps. Nothing was done.`,
      {
        retryable: false,
      },
    );
  }
  return shownStep(rollout, rollout.stepIndex) >= goal.step && rollout.outcome === null;
}

function standing(rollout: RolloutView): string {
  return [stateOf(rollout).word, stepPlace(rollout), rollout.waiting]
    .filter((part) => part !== null && part !== '')
    .join(', ');
}

function finish({ io, json }: Context, rollout: RolloutView, text: string, code: number): number {
  if (json) printJson(io, { rollout, exitCode: code });
  else io.out(`${text}\n`);
  return code;
}
