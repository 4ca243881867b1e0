import { EXIT } from '../exit-codes.ts';
import { print, widthFor } from '../screen.ts';
import { jsonOrMarkdown, ofRollout } from '../values.ts';
import { printJson, type Verb } from '../verb.ts';

export const why: Verb = {
  configure: (command) => command.option('--markdown', 'for a report or a pull request'),
  run: async ({ client, io, json, args, options }) => {
    const form = jsonOrMarkdown(json, options);
    const { why: view } = await client.ask('GET /rollouts/{rollout}/why', { params: ofRollout(args[0]) });
    const { renderWhy, whyMarkdown } = await import('../render-why.ts');
    if (form === 'json') printJson(io, { why: view });
    else if (form === 'markdown') io.out(whyMarkdown(view, io.timeZone));
    else print(io, 'out', renderWhy(view, { width: widthFor(io, 'out'), timeZone: io.timeZone }));
    return EXIT.done;
  },
};
