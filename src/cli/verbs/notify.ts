import type { NotifyTestAnswer } from '../../api/api-types.ts';
import { NAME } from '../../release/forms.ts';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { oneOf } from '../values.ts';
import { printJson, type Verb } from '../verb.ts';

export const notify: Verb = {
  configure: (command) => command.option('--channel <name>', 'only this one; default: all of them'),
  run: async ({ args, options, client, io, json }) => {
    oneOf('The word after "notify"', args[0] ?? '', ['test']);
    const channel = channelOf(options['channel']);
    const { tried } = await client.ask('POST /notify/test', { body: { channel } });
    if (json) printJson(io, { tried });
    else io.out(tried.map(lineOf).join(''));
    return tried.every(({ ok }) => ok) ? EXIT.done : EXIT.refused;
  },
};

function lineOf({ channel, kind, ok, why }: NotifyTestAnswer['tried'][number]): string {
  return `${ok ? '✔' : '✖'} ${channel} (${kind})  ${ok ? 'took the test message' : printable(why ?? '')}\n`;
}

function channelOf(value: string | boolean | undefined): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string' && NAME.test(value)) return value;
  const message = `--channel takes the name of a channel in the file of the server, not "${printable(String(value).slice(0, 60))}". Nothing was sent.`;
  throw new OperatingError('USAGE', message, { retryable: false });
}
