/** The step of action.yml: one `bascule deploy`, followed to its end. Its exit code fails the job, or does not. */
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Deployment } from './deployment.mjs';
import { addSummary, annotate, choice, input, mask, setOutput, withoutCommands } from './workflow.mjs';

const WAITS_FOR_PERSON = 13;
const WAIT_TIMED_OUT = 14;
const DETACHED = 130;
const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000 };

const run = promisify(execFile);
const [command, ...prefix] = input('command').split(/ +/u);
const cwd = input('working-directory') || '.';
const env = { ...process.env };
if (input('host') !== '') env.BASCULE_HOST = input('host');
if (input('token') !== '') env.BASCULE_TOKEN = input('token');

async function main() {
  mask(input('token'));
  const until = choice('until', ['done', 'paused']);
  const isAborted = choice('when-cancelled', ['abort', 'leave']) === 'abort';
  const timeoutMs = durationOf('timeout', input('timeout') || '60m');
  const followed = await follow(deployArguments(until), { timeoutMs, isAborted });
  return finish(followed);
}

function deployArguments(until) {
  const flags = ['version', 'from', 'file', 'plan'].flatMap((name) =>
    input(name) === '' ? [] : [`--${name}`, input(name)],
  );
  const service = input('service') === '' ? [] : [input('service')];
  return ['deploy', ...service, ...flags, ...(until === 'paused' ? ['--until', 'paused'] : []), '--json'];
}

/** Resolves to its exit code and to what it said last: a rollout, an answer without one, or an error. */
async function follow(args, { timeoutMs, isAborted }) {
  const child = spawn(command, [...prefix, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => {
    child.on('error', (error) =>
      resolve({ code: 127, failure: `${command} did not start: ${error.message}` }),
    );
    child.on('close', (code) => resolve({ code: code ?? 1, failure: null }));
  });
  const seen = { rollout: null, message: null, error: null, isLate: false, isCancelled: false };
  const leave = () => child.kill('SIGINT');
  const late = setTimeout(() => {
    seen.isLate = true;
    leave();
  }, timeoutMs);
  const cancel = () => {
    seen.isCancelled = true;
    leave();
  };
  process.on('SIGINT', cancel).on('SIGTERM', cancel);
  const deployment = deploymentOf();
  const resume = withoutCommands();
  for await (const line of createInterface({ input: child.stdout })) await hear(line, seen, deployment);
  const { code, failure } = await ended;
  resume();
  clearTimeout(late);
  if (seen.isCancelled && isAborted && seen.rollout !== null) await takeBack(seen.rollout.service);
  return { ...seen, code, failure, deployment };
}

/** One object of the stream. A rollout is known by its first event; its view comes with the last object. */
async function hear(line, seen, deployment) {
  const said = parse(line);
  if (said === null) return console.log(line);
  if (said.error !== undefined) seen.error = said.error.message ?? said.error.detail ?? line;
  if (said.message !== undefined) seen.message = said.message;
  if (said.rollout?.id !== undefined) seen.rollout = said.rollout;
  if (said.type !== 'event') return;
  const time = new Date(said.atMs).toISOString().slice(11, 19);
  for (const words of said.says) console.log(`${time} ${said.rollout} ${words}`);
  if (seen.rollout !== null) return;
  seen.rollout = { id: said.rollout, service: said.service, outcome: null };
  await deployment?.begin(`${said.service}: ${said.says[0] ?? 'begun'}`);
}

async function finish({ code, rollout, error, message, failure, isLate, isCancelled, deployment }) {
  const why = rollout === null ? null : await read(['why', rollout.id, '--json']);
  const known = parse(why ?? '')?.why ?? null;
  const view = known?.rollout ?? rollout;
  const sentence = known?.sentence ?? failure ?? error ?? message ?? `bascule exited with ${code}`;
  const exitCode = code === DETACHED && isLate ? WAIT_TIMED_OUT : code;
  setOutput('rollout', rollout?.id ?? '');
  setOutput('outcome', outcomeOf(view, exitCode));
  setOutput('exit-code', String(exitCode));
  setOutput('sentence', sentence);
  if (rollout !== null) addSummary((await read(['why', rollout.id, '--markdown'])) ?? sentence);
  const isFine = exitCode === 0 || (exitCode === WAITS_FOR_PERSON && input('until') === 'paused');
  if (isLate) annotate('error', 'Bascule: the job stopped following', `${sentence} The rollout goes on.`);
  else if (isCancelled) annotate('warning', 'Bascule: cancelled', sentence);
  else annotate(isFine ? 'notice' : 'error', 'Bascule', sentence);
  if (view?.outcome !== null && view !== null)
    await deployment?.say(isFine ? 'success' : 'failure', sentence);
  return isFine ? 0 : exitCode;
}

function outcomeOf(view, code) {
  if (view?.outcome) return view.outcome;
  if (code === WAIT_TIMED_OUT || code === DETACHED) return 'running';
  if (view !== null && (code === 0 || code === WAITS_FOR_PERSON)) return 'waiting';
  return code === 0 ? 'nothing' : 'refused';
}

async function takeBack(service) {
  console.log(`cancelled: bascule abort ${service}`);
  const said = await read(['abort', service]);
  if (said !== null) console.log(said.trimEnd());
}

/** What it prints, or null where it failed: then that was said. */
async function read(args) {
  try {
    return (await run(command, [...prefix, ...args], { cwd, env, timeout: 60_000, maxBuffer: 16_777_216 }))
      .stdout;
  } catch (error) {
    annotate('warning', 'Bascule', `bascule ${args.join(' ')}: ${error.stderr || error.message}`);
    return null;
  }
}

function deploymentOf() {
  const environment = input('environment');
  if (environment === '') return null;
  const { GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_SHA, GITHUB_SERVER_URL, GITHUB_RUN_ID } = process.env;
  return new Deployment({
    api: GITHUB_API_URL,
    repository: GITHUB_REPOSITORY,
    ref: GITHUB_SHA,
    environment,
    token: input('github-token'),
    log: `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`,
    // Commands to the runner are off while lines are followed; so this is a line like them.
    warn: (message) => console.log(message),
  });
}

function durationOf(name, text) {
  const found = /^(\d+)(s|m|h)$/u.exec(text);
  if (found === null) throw new Error(`${name} is a duration such as 60m, not "${text}". Nothing was done.`);
  return Math.min(Number(found[1]) * UNITS_MS[found[2]], 2_147_483_647);
}

function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  annotate('error', 'Bascule', error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
