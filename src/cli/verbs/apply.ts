import type { ApplyAnswer } from '../../api/api-types.ts';
import type { ServiceSpec } from '../../release/service.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { pickService, readSpecFile } from '../spec-file.ts';
import { printJson, type Context, type Verb } from '../verb.ts';
import { ofService } from '../values.ts';

export const apply: Verb = {
  configure: (command) =>
    command
      .option('--file <file>', 'the file to read', 'bascule.yaml')
      .option('--dry-run', 'only the difference'),
  run: async (context) => {
    const { args, options } = context;
    const file = await readSpecFile(context);
    const specs =
      args[0] === undefined
        ? Object.values(file.services)
        : [pickService(file, args[0], String(options['file']))];
    // All of them first, so that a refusal comes before anything is changed.
    const previews = [];
    for (const spec of specs) previews.push({ spec, preview: await ask(context, spec, true) });
    for (const { spec, preview } of previews) await one(context, spec, preview);
    return EXIT.done;
  },
};

/** Sends a service; `dryRun` answers what would change. */
export function ask({ client }: Context, spec: ServiceSpec, dryRun: boolean): Promise<ApplyAnswer> {
  return client.ask('PUT /services/{service}', {
    params: ofService(spec.name),
    query: dryRun ? { 'dry-run': 'true' } : {},
    body: { spec },
  });
}

async function one(context: Context, spec: ServiceSpec, preview: ApplyAnswer): Promise<void> {
  const { io, json, options } = context;
  const nothing = preview.changes.length === 0;
  if (!json) {
    for (const change of preview.changes) io.out(`${spec.name}: ${printable(change)}\n`);
    if (nothing) io.out(`${spec.name}: as the file says already\n`);
  }
  const answer = options['dryRun'] === true || nothing ? preview : await ask(context, spec, false);
  if (json) printJson(io, answer);
  else if (answer !== preview) io.out(`${answer.message}\n`);
}
