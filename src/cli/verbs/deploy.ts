import type { SteerAnswer } from '../../api/api-types.ts';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { pickService, readSpecFile } from '../spec-file.ts';
import { printJson, type Context, type Verb } from '../verb.ts';
import { overrideOf, planId, ofService } from '../values.ts';

export const deploy: Verb = {
  configure: (command) =>
    command
      .option('--file <file>', 'the file to read', 'bascule.yaml')
      .option('--version <version>', 'its name; default: git describe, else 12 digits of the digest')
      .option(
        '--from <dir-or-ref>',
        'a directory, or a commit of this repository; default: the directory of the file',
      )
      .option('--plan <id>', 'only if it would do what this plan says')
      .option('--override-freeze', 'in spite of a freeze; needs --reason')
      .option('--reason <why>', 'why a freeze is overridden; kept in the audit')
      .option('--supersede', 'take back a rollout that is under way, and begin this one')
      .option('--detach', 'do not follow; print the id of the rollout')
      .option('--until <what>', 'follow until it is paused, instead of to its end'),
  run: async (context) => {
    const { client, args, options } = context;
    const until = options['until'];
    if (until !== undefined && until !== 'paused') {
      throw new OperatingError('USAGE', `--until is paused, not "${until}". Nothing was done.`, {
        retryable: false,
      });
    }
    const plan = typeof options['plan'] === 'string' ? planId(options['plan']) : null;
    const overrideFreeze = overrideOf(options);
    const file = await readSpecFile(context);
    const spec = pickService(file, args[0], String(options['file']));
    await client.ask('GET /info', {});
    const { withVersion } = await import('./artifact.ts');
    const answer = await withVersion(context, { file: file.path, spec }, ({ label, digest }) =>
      client.ask('POST /services/{service}/deploy', {
        params: ofService(spec.name),
        body: {
          spec,
          label,
          artifactDigest: digest,
          supersede: options['supersede'] === true,
          planId: plan,
          overrideFreeze,
        },
      }),
    );
    return follow(context, answer);
  },
};

async function follow(context: Context, answer: SteerAnswer): Promise<number> {
  const { io, json, options } = context;
  const { rollout } = answer;
  if (rollout === null || rollout.exitCode !== null) {
    if (json) printJson(io, answer);
    else io.out(`${printable(answer.message)}\n`);
    return EXIT.done;
  }
  const detached = options['detach'] === true;
  // Whoever follows is told the same by the first event.
  if (!json && (detached || answer.result === 'nothing')) io.err(`${printable(answer.message)}\n`);
  if (detached) {
    if (json) printJson(io, answer);
    else io.out(`${rollout.id}\n`);
    return EXIT.done;
  }
  const { followRollout } = await import('../follow-rollout.ts');
  return followRollout(context, rollout.id, {
    untilPaused: options['until'] === 'paused',
    leaveWhenAsked: true,
    stream: 'err',
    afterSeq: 0,
  });
}
