import { EXIT } from '../exit-codes.ts';
import { print } from '../screen.ts';
import { ofService, wholeNumber } from '../values.ts';
import { printJson, type Verb } from '../verb.ts';

export const history: Verb = {
  configure: (command) => command.option('--limit <n>', 'at most so many, up to 1000', '20'),
  run: async ({ client, io, json, args, options }) => {
    const limit = Math.min(1000, wholeNumber('--limit', options['limit'] ?? '', 1));
    const query = { limit: String(limit) };
    const { rollouts } =
      args[0] === undefined
        ? await client.ask('GET /history', { query })
        : await client.ask('GET /services/{service}/history', { params: ofService(args[0]), query });
    const { renderHistory } = await import('../render-history.ts');
    if (json) printJson(io, { rollouts });
    else if (rollouts.length === 0) io.out('no rollouts yet.\n');
    else print(io, 'out', renderHistory(rollouts, io.timeZone));
    return EXIT.done;
  },
};
