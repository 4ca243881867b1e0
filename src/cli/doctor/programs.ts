import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ok, warning, type Finding } from './finding.ts';

const run = promisify(execFile);
const WITHIN_MS = 3000;
const LEAST_NODE = [24, 15] as const;

/** Version of Node, as `process.versions.node` has it. */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  const is = `Node ${version}`;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return ok('node', is);
  const least = LEAST_NODE.join('.');
  return {
    subject: 'node',
    verdict: 'failure',
    says: `${is} is older than ${least}`,
    fix: `run it with Node ${least} or newer; bin/bascule of the checkout brings one along`,
  };
}

type Program = {
  readonly name: string;
  readonly ask: readonly string[];
  readonly form: RegExp;
  /** What is not possible without it; null where it is just told whether it is there. */
  readonly without: string | null;
};

const PROGRAMS: readonly Program[] = [
  {
    name: 'git',
    ask: ['--version'],
    form: /git version (\S+)/u,
    without: 'versions are not named after commits, and --from REF is not possible',
  },
  { name: 'python3', ask: ['--version'], form: /Python (\S+)/u, without: null },
  { name: 'nginx', ask: ['-v'], form: /nginx\/(\S+)/u, without: null },
  { name: 'haproxy', ask: ['-v'], form: /HAProxy version (\S+)/u, without: null },
];

/** Programs that Bascule or the services may use, with their versions. */
export async function programFindings(path: string): Promise<readonly Finding[]> {
  return Promise.all(PROGRAMS.map((program) => programFinding(program, path)));
}

async function programFinding({ name, ask, form, without }: Program, path: string): Promise<Finding> {
  try {
    const { stdout, stderr } = await run(name, [...ask], { timeout: WITHIN_MS, env: { PATH: path } });
    return ok(name, `${name} ${form.exec(`${stdout}${stderr}`)?.[1] ?? 'of an unknown version'}`);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isMissing)
      return warning(name, `${name} is there and does not run`, `see what "${name} ${ask.join(' ')}" says`);
    if (without === null) return ok(name, `${name} is not installed; only services that use it need it`);
    return warning(name, `${name} is not installed: ${without}`, `install ${name}`);
  }
}
