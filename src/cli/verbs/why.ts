import type { WhyView } from '../../controller/views.ts';
import { EXIT } from '../exit-codes.ts';
import { print, widthFor } from '../screen.ts';
import { rolloutPath } from '../values.ts';
import { printJson, type Verb } from '../verb.ts';

export const why: Verb = {
  run: async ({ client, io, json, args }) => {
    const { why: view } = await client.get<{ why: WhyView }>(`${rolloutPath(args[0])}/why`);
    const { renderWhy } = await import('../render-why.ts');
    if (json) printJson(io, { why: view });
    else print(io, 'out', renderWhy(view, { width: widthFor(io, 'out'), timeZone: io.timeZone }));
    return EXIT.done;
  },
};
