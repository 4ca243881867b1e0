import type { PlanView } from '../../controller/views.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { piece, segment, flow, type Line } from '../layout.ts';
import { renderForesight } from '../render-foresight.ts';
import { print, widthFor } from '../screen.ts';
import { pickService, readSpecFile } from '../spec-file.ts';
import { printJson, type Context, type Verb } from '../verb.ts';
import { ofService } from '../values.ts';

export const plan: Verb = {
  configure: (command) =>
    command
      .option('--file <file>', 'the file to read', 'bascule.yaml')
      .option('--version <version>', 'its name; default: git describe, else 12 digits of the digest')
      .option(
        '--from <dir-or-ref>',
        'a directory, or a commit of this repository; default: the directory of the file',
      )
      .option('--detailed-exitcode', 'exit with 20 where a deploy would change something'),
  run: async (context) => {
    const { client, args, options } = context;
    const file = await readSpecFile(context);
    const spec = pickService(file, args[0], String(options['file']));
    await client.ask('GET /info', {});
    const { withVersion } = await import('./artifact.ts');
    return withVersion(context, { file: file.path, spec }, async ({ label, digest }) => {
      const { plan: view } = await client.ask('POST /services/{service}/plan', {
        params: ofService(spec.name),
        body: { spec, label, artifactDigest: digest },
      });
      show(context, view);
      if (view.obstacles.length > 0) return EXIT.refused;
      return view.changes && options['detailedExitcode'] === true ? EXIT.changes : EXIT.done;
    });
  },
};

function show({ io, json }: Context, view: PlanView): void {
  if (json) return printJson(io, { plan: view });
  const width = widthFor(io, 'out');
  const from = view.from === null ? 'first version' : `${printable(view.from)} →`;
  const known = view.id === null ? 'nothing to do' : `plan ${view.id}, good while nothing else changes`;
  const lines: Line[] = flow(
    [piece(`${view.service}  `, 'bold')],
    [segment(`${from} ${printable(view.label)}`, 'bold'), segment(known)],
    {
      width,
      gap: 6,
    },
  );
  for (const line of view.lines)
    lines.push(...flow([piece('  ')], [segment(printable(line))], { width, gap: 1 }));
  if (view.foresight !== null) lines.push(...renderForesight(view.foresight, width));
  for (const text of view.warnings)
    lines.push(...flow([piece('  ! warning  ', 'warn')], [segment(printable(text))], { width, gap: 1 }));
  for (const text of view.obstacles)
    lines.push(...flow([piece('  ✖ refused  ', 'bad')], [segment(printable(text))], { width, gap: 1 }));
  if (view.id !== null && view.obstacles.length === 0)
    lines.push([
      piece(
        `apply exactly this:  bascule deploy ${view.service} --version ${printable(view.label)} --plan ${view.id}`,
      ),
    ]);
  print(io, 'out', lines);
}
