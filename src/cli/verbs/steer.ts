import type { Rollout, SteerAnswer } from '../../api/api-types.ts';
import type { Answer, Asked, Name } from '../../api/request.ts';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { printJson, type Context } from '../verb.ts';
import { EXIT } from '../exit-codes.ts';

/** Requests that are answered by what became of them. */
type SteerName = { [K in Name]: Answer<K> extends SteerAnswer ? K : never }[Name];

/** Sends what a verb asks for and prints the answer. */
export async function steer<K extends SteerName>(
  context: Context,
  name: K,
  asked: Asked<K>,
): Promise<number> {
  const answer: SteerAnswer = await context.client.ask(name, asked);
  if (context.json) printJson(context.io, answer);
  else {
    context.io.out(`${answer.message.split('\n').map(printable).join('\n')}\n`);
    const { rollout } = answer;
    if (answer.result === 'done' && rollout !== null && rollout.exitCode === null)
      context.io.err(`follow: bascule status ${rollout.service} -w\n`);
  }
  return EXIT.done;
}

/** What a verb is about that goes by what was there when it was asked for. Error: NO_ROLLOUT. */
export async function rolloutUnderWay(
  client: Context['client'],
  params: { readonly service: string },
  verb: string,
): Promise<Rollout> {
  const { service } = await client.ask('GET /services/{service}', { params });
  if (service.rollout !== null) return service.rollout;
  throw new OperatingError(
    'NO_ROLLOUT',
    `no rollout of ${service.name} is under way, so there is nothing to ${verb}. Nothing changed.`,
    { retryable: false },
  );
}
