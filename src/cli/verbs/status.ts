import type { ServiceView } from '../../controller/views.ts';
import { EXIT } from '../exit-codes.ts';
import { isTerminal, print, widthFor } from '../screen.ts';
import { printJson, type Context, type Verb } from '../verb.ts';
import { ofService } from '../values.ts';

export const status: Verb = {
  configure: (command) =>
    command.option('-w, --watch', 'follow the rollout until it is over, and exit with its outcome'),
  run: async (context) => {
    const { client, args, options } = context;
    if (options['watch'] === true) return watch(context);
    if (args[0] !== undefined) {
      const [{ service }] = await Promise.all([
        client.ask('GET /services/{service}', { params: ofService(args[0]) }),
        rendering(),
      ]);
      await show(context, [service]);
      return EXIT.done;
    }
    const [{ services }] = await Promise.all([client.ask('GET /services', {}), rendering()]);
    await show(context, services);
    return EXIT.done;
  },
};

/** Loaded while the server answers. */
const rendering = () => import('../render-status.ts');

async function watch(context: Context): Promise<number> {
  const { client, io, json } = context;
  const { info } = await client.ask('GET /info', {});
  const service = await oneService(context);
  if (service === null || service.rollout === null) {
    await show(context, service === null ? [] : [service]);
    return EXIT.done;
  }
  if (!json && !isTerminal(io, 'out')) await show(context, [service]);
  const { followRollout } = await import('../follow-rollout.ts');
  return followRollout(context, service.rollout.id, {
    untilPaused: false,
    leaveWhenAsked: false,
    stream: 'out',
    afterSeq: info.lastSeq,
  });
}

/** The one that is named, else the one with a rollout under way, else the only one. */
async function oneService({ client, args }: Context): Promise<ServiceView | null> {
  if (args[0] !== undefined)
    return (await client.ask('GET /services/{service}', { params: ofService(args[0]) })).service;
  const { services } = await client.ask('GET /services', {});
  return services.find((one) => one.rollout !== null) ?? services[0] ?? null;
}

async function show({ io, json, args }: Context, services: readonly ServiceView[]): Promise<void> {
  if (json) return printJson(io, { services });
  const { renderLine, renderService } = await rendering();
  const look = { width: widthFor(io, 'out'), nowMs: io.nowMs(), keys: [] };
  if (services.length === 0) io.out('no services yet. Begin with: bascule deploy\n');
  else if (services.length === 1 || args[0] !== undefined)
    print(
      io,
      'out',
      services.flatMap((one) => renderService(one, look)),
    );
  else
    print(
      io,
      'out',
      services.flatMap((one) => renderLine(one, look)),
    );
}
