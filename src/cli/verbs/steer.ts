import type { Answered } from '../../controller/views.ts';
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
