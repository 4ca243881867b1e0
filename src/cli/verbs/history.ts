import type { RolloutView } from '../../controller/views.ts';
import { EXIT } from '../exit-codes.ts';
import { print } from '../screen.ts';
import { servicePath, wholeNumber } from '../values.ts';
import { printJson, type Verb } from '../verb.ts';

export const history: Verb = {
  configure: (command) => command.option('--limit <n>', 'at most so many, up to 1000', '20'),
  run: async ({ client, io, json, args, options }) => {
    const limit = Math.min(1000, wholeNumber('--limit', options['limit'] ?? '', 1));
    const path = args[0] === undefined ? '/history' : `${servicePath(args[0])}/history`;
    const { rollouts } = await client.get<{ rollouts: readonly RolloutView[] }>(`${path}?limit=${limit}`);
    const { renderHistory } = await import('../render-history.ts');
    if (json) printJson(io, { rollouts });
    else if (rollouts.length === 0) io.out('no rollouts yet.\n');
    else print(io, 'out', renderHistory(rollouts, io.timeZone));
    return EXIT.done;
  },
};
