import type { ProxyOptions } from './verbs/proxy.ts';
import type { RestoreOptions, RestoreResult } from './verbs/restore.ts';
import type { ServeOptions } from './verbs/serve.ts';
import type { Group, Verb } from './verb.ts';

/** What only main.ts can give. */
export type Effects = {
  readonly version: string;
  readonly serve: (options: ServeOptions) => Promise<void>;
  readonly proxy: (options: ProxyOptions) => Promise<void>;
  readonly restore: (options: RestoreOptions) => Promise<RestoreResult>;
};

/** A command as the help of the program lists it. */
export type Title = {
  readonly name: string;
  /** Null: not shown in help. */
  readonly group: Group | null;
  readonly describe: string;
  /** As commander takes them, `<needed>` and `[optional]`, in their order: each with what it is, where its name does not say it. */
  readonly args: Readonly<Record<string, string>>;
  /** The rest of it: loaded when it is the one that was named. */
  readonly load: (effects: Effects) => Promise<Verb>;
};

/**
 * Every command, in the order of the help. What it takes and does is loaded when it is asked for, and what only its run
 * needs by its run: most of a command's time is its start (`npm run bench:start`).
 */
export const TITLES: readonly Title[] = [
  {
    name: 'init',
    group: 'Start',
    describe: 'look at the application and the proxy here, and write bascule.yaml; runs nothing',
    args: { '[directory]': '' },
    load: async () => (await import('./verbs/init.ts')).init,
  },
  {
    name: 'apply',
    group: 'Start',
    describe: 'door, scale and policy as the file says, the difference first',
    args: { '[service]': 'default: every one in the file' },
    load: async () => (await import('./verbs/apply.ts')).apply,
  },
  {
    name: 'remove',
    group: 'Start',
    describe: 'take a service away: its door closes, its processes stop',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/remove.ts')).remove,
  },
  {
    name: 'check',
    group: 'Start',
    describe: 'validate the file, then ask the server, if one runs, what stands against it; changes nothing',
    args: {},
    load: async () => (await import('./verbs/check.ts')).check,
  },
  {
    name: 'plan',
    group: 'Start',
    describe: 'what a deploy would do, and whether the judge could see a fault; starts nothing',
    args: { '[service]': '' },
    load: async () => (await import('./verbs/plan.ts')).plan,
  },
  {
    name: 'deploy',
    group: 'Start',
    describe: 'roll out a version and follow it; the exit code is the outcome',
    args: { '[service]': '' },
    load: async () => (await import('./verbs/deploy.ts')).deploy,
  },
  {
    name: 'status',
    group: 'Follow',
    describe: 'where every rollout stands',
    args: { '[service]': '' },
    load: async () => (await import('./verbs/status.ts')).status,
  },
  {
    name: 'wait',
    group: 'Follow',
    describe: 'block until a rollout is over, paused, or at a step; the exit code is the outcome',
    args: { '<rollout>': '' },
    load: async () => (await import('./verbs/wait.ts')).wait,
  },
  {
    name: 'why',
    group: 'Follow',
    describe: 'the decision in one sentence, then the numbers behind it, then what happened when',
    args: { '<rollout>': '' },
    load: async () => (await import('./verbs/why.ts')).why,
  },
  {
    name: 'history',
    group: 'Follow',
    describe: 'rollouts, newest first',
    args: { '[service]': '' },
    load: async () => (await import('./verbs/history.ts')).history,
  },
  {
    name: 'logs',
    group: 'Follow',
    describe: 'output of the replicas; of stable, where nothing else is said',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/logs.ts')).logs,
  },
  {
    name: 'dashboard',
    group: 'Follow',
    describe: 'open the dashboard in the browser of this machine, logged in as yourself',
    args: {},
    load: async () => (await import('./verbs/dashboard.ts')).dashboard,
  },
  {
    name: 'promote',
    group: 'Steer',
    describe: 'go to the next step',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/promote.ts')).promote,
  },
  {
    name: 'pause',
    group: 'Steer',
    describe: 'stop advancing; harm and severe faults still act',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/pause.ts')).pause,
  },
  {
    name: 'resume',
    group: 'Steer',
    describe: 'go on after pause or weight',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/resume.ts')).resume,
  },
  {
    name: 'weight',
    group: 'Steer',
    describe: 'set the share by hand: turns judging into advice until `resume`',
    args: { '<service>': '', '<percent>': '25 or 25%' },
    load: async () => (await import('./verbs/weight.ts')).weight,
  },
  {
    name: 'abort',
    group: 'Steer',
    describe: 'all traffic to stable now; never asks',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/abort.ts')).abort,
  },
  {
    name: 'rollback',
    group: 'Steer',
    describe: 'to the last good version, or the one named: a switch while it is warm, else a fast deploy',
    args: { '<service>': '', '[version]': '' },
    load: async () => (await import('./verbs/rollback.ts')).rollback,
  },
  {
    name: 'retry',
    group: 'Steer',
    describe: 'a new rollout of the same release',
    args: { '<rollout>': '' },
    load: async () => (await import('./verbs/retry.ts')).retry,
  },
  {
    name: 'lock',
    group: 'Guard',
    describe:
      'acquire, release or status: while one holds the lock of a service, nobody else starts or promotes',
    args: { '<action>': 'acquire, release or status', '<service>': '' },
    load: async () => (await import('./verbs/lock.ts')).lock,
  },
  {
    name: 'freeze',
    group: 'Guard',
    describe: 'let nothing start, of one service or of all; a rollback is never frozen',
    args: { '[service]': '' },
    load: async () => (await import('./verbs/freeze.ts')).freeze,
  },
  {
    name: 'unfreeze',
    group: 'Guard',
    describe: 'lift the freezes that people have put on a service, or on all of them',
    args: { '[service]': '' },
    load: async () => (await import('./verbs/freeze.ts')).unfreeze,
  },
  {
    name: 'approve',
    group: 'Guard',
    describe: 'agree to what a rollout waits for; needs a token, and never one of who started it',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/approve.ts')).approve,
  },
  {
    name: 'reject',
    group: 'Guard',
    describe: 'say no to what a rollout waits for: all traffic to stable',
    args: { '<service>': '' },
    load: async () => (await import('./verbs/approve.ts')).reject,
  },
  {
    name: 'audit',
    group: 'Guard',
    describe:
      'who asked for what, why, and what came of it, newest first; "audit verify" checks that nobody changed the records',
    args: { '[service]': 'or the word verify' },
    load: async () => (await import('./verbs/audit.ts')).audit,
  },
  {
    name: 'token',
    group: 'Guard',
    describe: 'create, list or revoke: tokens say who somebody is, and what they may do',
    args: { '<action>': 'create, list or revoke', '[name-or-id]': 'create: whose; revoke: its id' },
    load: async () => (await import('./verbs/token.ts')).token,
  },
  {
    name: 'notify',
    group: 'Guard',
    describe: 'test: send a test message to the channels of the server, and say what came of it',
    args: { '<action>': 'the word test' },
    load: async () => (await import('./verbs/notify.ts')).notify,
  },
  {
    name: 'judge',
    group: 'Judge',
    describe: "judge the recorded past once more, by today's rules or changed ones; changes nothing",
    args: { '[service]': '' },
    load: async () => (await import('./verbs/judge.ts')).judge,
  },
  {
    name: 'serve',
    group: 'Other',
    describe: 'run the server of this machine',
    args: {},
    load: async ({ serve }) => (await import('./verbs/serve.ts')).serveVerb(serve),
  },
  {
    name: 'backup',
    group: 'Other',
    describe: 'write the journal and the artifacts of a running server to a file',
    args: { '<file>': '' },
    load: async () => (await import('./verbs/backup.ts')).backup,
  },
  {
    name: 'restore',
    group: 'Other',
    describe: 'put a backup into the state directory, while no server runs on it',
    args: { '<file>': '' },
    load: async ({ restore }) => (await import('./verbs/restore.ts')).restoreVerb(restore),
  },
  {
    name: 'config',
    group: 'Other',
    describe: 'what the file expands to, presets and defaults written out; secrets stay references',
    args: {},
    load: async () => (await import('./verbs/config.ts')).config,
  },
  {
    name: 'schema',
    group: 'Other',
    describe: 'the JSON Schema of bascule.yaml, for editors',
    args: {},
    load: async () => (await import('./verbs/schema.ts')).schema,
  },
  {
    name: 'explain',
    group: 'Other',
    describe: 'what a code means: its cause and what to do',
    args: { '<code>': '' },
    load: async () => (await import('./verbs/explain.ts')).explain,
  },
  {
    name: 'completion',
    group: 'Other',
    describe: 'a script for bash, zsh or fish that completes commands, options, services and rollouts',
    args: { '[shell]': 'bash, zsh or fish' },
    load: async (effects) =>
      (await import('./verbs/completion.ts')).completionVerb(async () =>
        (await import('./program.ts')).wholeProgram(effects),
      ),
  },
  {
    name: 'doctor',
    group: 'Other',
    describe:
      'look over this machine and the installation, and say what is wrong and what to do; changes nothing',
    args: {},
    load: async ({ version }) => (await import('./verbs/doctor.ts')).doctorVerb(version),
  },
  {
    name: 'proxy',
    group: null,
    describe: 'the built-in proxy; started by the server',
    args: {},
    load: async ({ proxy }) => (await import('./verbs/proxy.ts')).proxyVerb(proxy),
  },
];
