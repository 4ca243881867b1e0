import type { ServerInfo } from '../../controller/controller.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { ServiceSpec } from '../../release/service.ts';
import { printable } from '../../release/problem.ts';
import { ServerProblem } from '../server-problem.ts';
import { EXIT, exitCodeOf } from '../exit-codes.ts';
import { readSpecFile } from '../spec-file.ts';
import { printJson, type Context, type Verb } from '../verb.ts';
import { ask } from './apply.ts';

type Finding = { readonly service: string; readonly says: string; readonly problem: string | null };

export const check: Verb = {
  configure: (command) => command.option('--file <file>', 'the file to read', 'bascule.yaml'),
  run: async (context) => {
    const { io, json, options } = context;
    const file = await readSpecFile(context);
    const specs = Object.values(file.services);
    if (!json) {
      const names = specs.map((spec) => `${spec.name} (${strategy(spec)})`).join(', ');
      io.out(`${String(options['file'])} is valid: ${names}\n`);
    }
    const server = await reach(context);
    const findings: Finding[] = [];
    if (server !== null) {
      for (const spec of specs) findings.push(await found(context, spec), ...(await measured(context, spec)));
    }
    if (json) printJson(io, { valid: true, server, findings });
    else for (const { service, says } of findings) io.out(`${service}: ${printable(says)}\n`);
    return findings.some((finding) => finding.problem !== null) ? EXIT.refused : EXIT.done;
  },
};

function strategy({ policy }: ServiceSpec): string {
  return `${policy.strategy} ${policy.stepsPercent.map((percent) => `${percent}%`).join(' → ')}`;
}

/** The server, or null where none runs: then the file was all there is to check. */
async function reach({ client, io, json }: Context): Promise<ServerInfo | null> {
  try {
    const { info } = await client.ask('GET /info', {});
    if (!json) io.out(`server ${info.version} runs (${info.stateDir})\n`);
    return info;
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'SERVER_UNREACHABLE') throw error;
    if (!json) io.err('no server runs, so only the file was checked. Start one with: bascule serve\n');
    return null;
  }
}

/** Whether the server can ask what the measures of the file need. */
async function measured({ client }: Context, spec: ServiceSpec): Promise<readonly Finding[]> {
  const service = spec.name;
  if ((spec.policy.judge.measures ?? []).length === 0) return [];
  try {
    const { measures } = await client.ask('POST /services/{service}/measures/check', {
      params: { service },
      body: { spec },
    });
    return measures.map(({ measure, source, ok, says }) => ({
      service,
      says: `${measure} (${source}): ${says}`,
      problem: ok ? null : 'SOURCE_UNREACHABLE',
    }));
  } catch (error) {
    if (!(error instanceof ServerProblem) || exitCodeOf(error) !== EXIT.notAllowed) throw error;
    return [{ service, says: 'sources of measures: not asked: your role only looks', problem: null }];
  }
}

async function found(context: Context, spec: ServiceSpec): Promise<Finding> {
  const service = spec.name;
  try {
    const { changes } = await ask(context, spec, true);
    const says = changes.length === 0 ? 'as the server has it' : `apply would change: ${changes.join('; ')}`;
    return { service, says, problem: null };
  } catch (error) {
    if (!(error instanceof ServerProblem)) throw error;
    if (error.code === 'SERVICE_UNKNOWN') {
      return { service, says: 'not there yet; the first deploy opens its door', problem: null };
    }
    if (exitCodeOf(error) === EXIT.notAllowed)
      return { service, says: 'not asked: your role only looks', problem: null };
    return { service, says: `refused: ${error.message}`, problem: error.code };
  }
}
