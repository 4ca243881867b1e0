import type { Answered, RolloutView, ServiceView } from '../../controller/views.ts';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { printJson, type Context } from '../verb.ts';
import { EXIT } from '../exit-codes.ts';

/** Sends what a verb asks for and prints the answer. */
export async function steer(
  context: Context,
  method: 'POST' | 'DELETE',
  path: string,
  body: unknown = null,
): Promise<number> {
  const answer = await context.client.steer<Answered>(method, path, body);
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
  path: string,
  verb: string,
): Promise<RolloutView> {
  const { service } = await client.get<{ service: ServiceView }>(path);
  if (service.rollout !== null) return service.rollout;
  throw new OperatingError(
    'NO_ROLLOUT',
    `no rollout of ${service.name} is under way, so there is nothing to ${verb}. Nothing changed.`,
    { retryable: false },
  );
}
