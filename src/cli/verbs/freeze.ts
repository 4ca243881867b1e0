import { OperatingError } from '../../lib/errors.ts';
import { durationOf, oneOf, reasonOf, ofService, timeOf } from '../values.ts';
import type { Context, Verb } from '../verb.ts';
import { steer } from './steer.ts';

export const freeze: Verb = {
  configure: (command) =>
    command
      .option('--all', 'every service, those that come later included')
      .option('--reason <why>', 'why, for those who meet it')
      .option('--for <duration>', 'it goes by itself after this time, such as 64h')
      .option(
        '--until <time>',
        'it goes by itself then: "2026-11-30 08:00", or with a zone 2026-11-30T08:00+01:00',
      )
      .option('--also <what>', 'advancing: a rollout under way stays where it is as well'),
  run: async (context) => {
    const { io, options } = context;
    const params = placeOf(context);
    const reason = reasonOf(options['reason']);
    const forMs = options['for'] === undefined ? null : durationOf('--for', options['for']);
    const untilMs = options['until'] === undefined ? null : timeOf('--until', options['until']);
    const also = options['also'];
    const alsoAdvancing = also !== undefined && oneOf('--also', also, ['advancing']) === 'advancing';
    if (forMs !== null && untilMs !== null) throw wrong('Give --for or --until, not both.');
    if (untilMs !== null && untilMs <= io.nowMs())
      throw wrong(`--until lies in the past: ${new Date(untilMs).toISOString()}.`);
    const body = { reason, forMs, untilMs, alsoAdvancing };
    return params === null
      ? steer(context, 'POST /freeze', { body })
      : steer(context, 'POST /services/{service}/freeze', { params, body });
  },
};

export const unfreeze: Verb = {
  configure: (command) => command.option('--all', 'those that were put on every service at once'),
  run: (context) => {
    const params = placeOf(context);
    return params === null
      ? steer(context, 'POST /unfreeze', { body: {} })
      : steer(context, 'POST /services/{service}/unfreeze', { params, body: {} });
  },
};

/** The service; null: all of them. */
function placeOf({ args, options }: Context): { readonly service: string } | null {
  const all = options['all'] === true;
  if (all && args[0] !== undefined) throw wrong('Name a service or give --all, not both.');
  if (all) return null;
  if (args[0] === undefined) throw wrong('Name a service, or give --all.');
  return ofService(args[0]);
}

function wrong(message: string): OperatingError {
  return new OperatingError('USAGE', `${message} Nothing was done.`, { retryable: false });
}
