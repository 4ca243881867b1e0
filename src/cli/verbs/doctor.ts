import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import type { Finding, Server } from '../doctor/finding.ts';
import { EXIT } from '../exit-codes.ts';
import { stateDirOf } from '../locate.ts';
import { printJson, type Context, type Verb } from '../verb.ts';

const SIGNS = { ok: '✔', warning: '!', failure: '✗' } as const;
const WIDEST_SUBJECT = 14;

/** `version` is that of this command. */
export function doctorVerb(version: string): Verb {
  return {
    run: async (context) => {
      const { io, json, where } = context;
      // Loaded here, so that every other command starts without it.
      const { lookOver } = await import('../doctor/look.ts');
      const scene = {
        stateDir: stateDirOf(where, io),
        path: io.env['PATH'] ?? '',
        nowMs: io.nowMs(),
        version,
      };
      const findings = await lookOver({ ...scene, server: await reach(context) });
      const failures = findings.filter(({ verdict }) => verdict === 'failure').length;
      const warnings = findings.filter(({ verdict }) => verdict === 'warning').length;
      if (json) printJson(io, { failures, warnings, findings });
      else io.out(`${findings.flatMap(linesOf).join('\n')}\n${summary(failures, warnings)}\n`);
      return failures === 0 ? EXIT.done : EXIT.unwell;
    },
  };
}

async function reach({ client }: Context): Promise<Server> {
  try {
    const { info } = await client.ask('GET /info', {});
    const { services } = await client.ask('GET /services', {});
    return { reached: true, info, services };
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return { reached: false, code: error.code, message: error.message };
  }
}

function linesOf({ subject, verdict, says, fix }: Finding): readonly string[] {
  const line = `${SIGNS[verdict]} ${subject.padEnd(WIDEST_SUBJECT)} ${printable(says)}`;
  return fix === null ? [line] : [line, `  ${' '.repeat(WIDEST_SUBJECT)} → ${printable(fix)}`];
}

function summary(failures: number, warnings: number): string {
  if (failures + warnings === 0) return 'all is well';
  const parts = [
    failures === 0 ? null : failures === 1 ? '1 failure' : `${failures} failures`,
    warnings === 0 ? null : warnings === 1 ? '1 warning' : `${warnings} warnings`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}
