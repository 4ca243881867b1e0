import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { lockLine } from '../render-guards.ts';
import { durationOf, oneOf, reasonOf, ofService } from '../values.ts';
import { printJson, type Context, type Verb } from '../verb.ts';
import { steer } from './steer.ts';

export const lock: Verb = {
  configure: (command) =>
    command
      .option('--reason <why>', 'why; needed to acquire, and to release by force')
      .option('--for <duration>', 'acquire: it goes by itself after this time, such as 2h')
      .option('--force', 'release: also the lock of somebody else; needs --reason'),
  run: async (context) => {
    const { args, options } = context;
    const action = oneOf('The first word after "lock"', args[0] ?? '', ['acquire', 'release', 'status']);
    const params = ofService(args[1]);
    const reason = reasonOf(options['reason']);
    const force = options['force'] === true;
    const forMs = options['for'] === undefined ? null : durationOf('--for', options['for']);
    if (action === 'status') return look(context, params);
    if (action === 'release') {
      if (forMs !== null) throw wrong('--for goes with acquire.');
      if (force && reason === null) throw wrong("--force needs a reason: --reason '…'.");
      return steer(context, 'POST /services/{service}/unlock', { params, body: { force, reason } });
    }
    if (force) throw wrong('--force goes with release: a lock that somebody else holds is released first.');
    if (reason === null) throw wrong("A lock needs a reason, for those who meet it: --reason '…'.");
    const code = await steer(context, 'POST /services/{service}/lock', {
      params,
      body: { reason, forMs },
    });
    const actor = context.io.env['BASCULE_ACTOR'];
    if (actor === undefined || actor === '')
      context.io.err(
        'you gave no name, so everybody else without one counts as the holder: set BASCULE_ACTOR to yours.\n',
      );
    return code;
  },
};

async function look({ client, io, json }: Context, params: { readonly service: string }): Promise<number> {
  const { service } = await client.ask('GET /services/{service}', { params });
  if (json) printJson(io, { service: service.name, lock: service.lock });
  else if (service.lock === null) io.out(`${service.name} is not locked.\n`);
  else io.out(`${service.name} is locked ${printable(lockLine(service.lock))}\n`);
  return EXIT.done;
}

function wrong(message: string): OperatingError {
  return new OperatingError('USAGE', `${message} Nothing was done.`, { retryable: false });
}
