import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';

/** The table of docs/architecture.md as data: what each folder of src may import besides its own files. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  release: ['lib'],
  rollout: ['release', 'lib', 'port'],
  judge: ['release', 'lib', 'port'],
  traffic: ['release', 'lib', 'port'],
  workload: ['release', 'lib', 'port'],
  metrics: ['release', 'lib', 'port'],
  journal: ['release', 'lib', 'port'],
  notify: ['release', 'lib', 'port'],
  controller: ['rollout', 'judge', 'release', 'lib', 'port'],
  http: ['controller', 'release', 'lib', 'port'],
  api: [],
  cli: ['api', 'http', 'controller', 'release', 'lib', 'port'],
  backup: ['journal', 'lib'],
  'serve.ts': ['*'],
  'sources.ts': ['metrics', 'server-secrets.ts', 'workload', 'release', 'lib'],
  'routers.ts': ['traffic', 'controller', 'lib'],
  'channels.ts': ['notify', 'server-secrets.ts', 'workload', 'release', 'lib'],
  'logins.ts': ['http', 'server-secrets.ts', 'workload', 'release', 'lib'],
  'server-secrets.ts': ['workload', 'release', 'lib'],
  'main.ts': ['cli', 'lib', 'serve.ts', 'traffic', 'backup'],
  sim: ['rollout', 'judge', 'controller', 'release', 'lib', 'port', 'journal/memory'],
};
/** Single files that may know an adapter which their folder may not. */
const MAY_ALSO_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'sim/sqlite.ts': ['journal/sqlite'],
};
/** Parts that several adapters are made of: reading an access log is the same for nginx and for HAProxy. */
const SHARED_BY_ADAPTERS = new Set(['traffic/access-log']);
/** Files of adapter folders that others may know: ports and the pure words that come with them. */
const PORT_FILES = new Set([
  'traffic/router.ts',
  'traffic/counts.ts',
  'traffic/counts-codec.ts',
  'traffic/counts-row.ts',
  'traffic/packed-seconds.ts',
  'traffic/cohort.ts',
  'workload/runtime.ts',
  'workload/store.ts',
  'workload/checker.ts',
  'workload/command-runner.ts',
  'workload/retention.ts',
  'workload/ports.ts',
  'workload/proc.ts',
  'workload/listeners.ts',
  'metrics/source.ts',
  // One bounded request is the same for whoever asks and whoever tells.
  'metrics/http-client.ts',
  'metrics/measured.ts',
  'notify/channel.ts',
  'notify/notice.ts',
  'journal/inspect.ts',
  'journal/journal.ts',
  'journal/chain.ts',
  'journal/samples.ts',
]);
const PURE: ReadonlySet<string> = new Set(['rollout', 'judge']);
const FORBIDDEN_NAMES = /(^|\/)(index|utils?|helpers?|manager|common|misc|types)\.ts$/u;
const LEAST_FILES = 120;

type Source = { readonly path: string; readonly text: string };
type Breach = string;

function sources(): readonly Source[] {
  return globSync('{src,sim}/**/*.ts').map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

function importsOf({ path, text }: Source): readonly string[] {
  const found = [
    ...text.matchAll(
      /^(?:\}|import|export)[^'\n]*?(?:from |import )'(?<target>[^']+)'|^import '(?<bare>[^']+)'/gmu,
    ),
  ].map((match) => (match.groups!['target'] ?? match.groups!['bare'])!);
  return found.map((target) =>
    target.startsWith('.') ? relative('src', normalize(join(dirname(path), target))) : target,
  );
}

function folderOf(path: string): string {
  return path.split('/')[0]!;
}

function isTest(path: string): boolean {
  return /\.test\.ts$|conformance\.ts$|fixtures?\.ts$|\/fake-[^/]+$|\/golden\//u.test(path);
}

function breachesOf(source: Source): readonly Breach[] {
  // The simulator stands beside `src`, and counts as one of its folders.
  const from = relative('src', source.path).replace(/^\.\.\//u, '');
  const folder = folderOf(from);
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) return [`${from}: the folder ${folder} is not in the table`];
  return importsOf(source).flatMap((target) => {
    if (target.startsWith('node:'))
      return PURE.has(folder) ? [`${from}: a pure folder imports ${target}`] : [];
    if (!target.endsWith('.ts')) return PURE.has(folder) ? [`${from}: a pure folder imports ${target}`] : [];
    if (target === 'main.ts') return [`${from}: nothing imports main.ts`];
    if (target === 'serve.ts' && from !== 'main.ts') return [`${from}: only main.ts imports serve.ts`];
    if (allowed.includes('*') || target.startsWith('..')) return leavesSource(from, target);
    const adapter = adapterOf(target);
    if (adapter !== null && [...allowed, ...(MAY_ALSO_IMPORT[from] ?? [])].includes(adapter)) return [];
    if (folderOf(target) === folder)
      return adapter !== null &&
        adapterOf(from) !== null &&
        adapter !== adapterOf(from) &&
        !SHARED_BY_ADAPTERS.has(adapter)
        ? [`${from}: imports its sibling ${target}`]
        : [];
    if (allowed.includes(folderOf(target))) return [];
    return allowed.includes('port') && PORT_FILES.has(target) ? [] : [`${from}: may not import ${target}`];
  });
}

/** Within `src` nothing knows what stands beside it; the simulator's own files are its own. */
function leavesSource(from: string, target: string): readonly Breach[] {
  return target.startsWith('../sim/') && folderOf(from) !== 'sim'
    ? [`${from}: may not import ${target}`]
    : [];
}

/** `traffic/builtin/x.ts` -> `traffic/builtin`, for folders that hold adapters; null for files beside the port. */
function adapterOf(path: string): string | null {
  const [folder, adapter, ...rest] = path.split('/');
  return ['traffic', 'workload', 'metrics', 'journal', 'notify'].includes(folder!) && rest.length > 0
    ? `${folder}/${adapter}`
    : null;
}

test('every folder imports only what docs/architecture.md allows', () => {
  const seen = sources();
  const checked = seen.filter(({ path }) => !isTest(path));

  assert.ok(checked.length >= LEAST_FILES, `only ${checked.length} files seen: is this run from the root?`);
  assert.deepEqual(checked.flatMap(breachesOf), []);
});

/** Words that a terminal says too: of `cli` the dashboard knows these alone. */
const SAID_BY_BOTH =
  /^cli\/(?:rollout-words|format|csv|render-guards|render-judge|render-why|render-checks|render-early)\.ts$/u;

function dashboardBreaches({ path, text }: Source): readonly Breach[] {
  return [...text.matchAll(/from '(?<target>\.[^']+)'/gu)]
    .map((match) => relative('src', normalize(join(dirname(path), match.groups!['target']!))))
    .filter((target) => !target.startsWith('../dashboard/'))
    .filter((target) => !/^(?:lib|release|api)\//u.test(target) && !SAID_BY_BOTH.test(target))
    .map((target) => `${path}: may not import ${target}`);
}

test('the dashboard knows the server by its API alone', () => {
  const seen = globSync('dashboard/src/**/*.{ts,svelte}')
    .filter((path) => !isTest(path))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
  const planted = {
    path: 'dashboard/src/parts/a.svelte',
    text: "import { Engine } from '../../../src/controller/engine.ts';",
  };

  assert.ok(seen.length >= 40, `only ${seen.length} files seen: is this run from the root?`);
  assert.deepEqual(seen.flatMap(dashboardBreaches), []);
  assert.equal(dashboardBreaches(planted).length, 1);
});

test('commands and pages ask the server by the client that its description makes, and in no other way', () => {
  const asking = globSync('{src/cli,dashboard/src}/**/*.{ts,svelte}')
    .filter((path) => !isTest(path))
    .filter((path) => readFileSync(path, 'utf8').includes('/api/v1'));

  assert.deepEqual(asking, []);
  assert.match(readFileSync('src/api/request.ts', 'utf8'), /\/api\/v1/u);
});

test('this test can fail: planted breaches are found', () => {
  const planted: readonly Source[] = [
    { path: 'src/lib/clock.ts', text: "import { planRollout } from '../release/plan.ts';" },
    { path: 'src/judge/harm.ts', text: "import { readFileSync } from 'node:fs';" },
    { path: 'src/cli/deploy.ts', text: "import { openSqliteJournal } from '../journal/sqlite/open.ts';" },
    { path: 'src/journal/memory/journal.ts', text: "import { migrate } from '../sqlite/migrate.ts';" },
    { path: 'src/http/server.ts', text: "import '../main.ts';" },
    { path: 'src/novel/a.ts', text: '' },
    { path: 'sim/world.ts', text: "import { openSqliteJournal } from '../src/journal/sqlite/open.ts';" },
    { path: 'src/controller/loop.ts', text: "import { Draw } from '../../sim/draw.ts';" },
  ];

  assert.deepEqual(
    planted.map((source) => breachesOf(source).length),
    planted.map(() => 1),
  );
});

test('no file has a name that says nothing', () => {
  const paths = globSync('{src,demo,bench,test,sim,dashboard/src}/**/*.ts');

  assert.deepEqual(
    paths.filter((path) => FORBIDDEN_NAMES.test(path)),
    [],
  );
});

test('every documented folder exists, and every folder is documented', () => {
  const page = readFileSync('docs/architecture.md', 'utf8');
  const folders = [...new Set(globSync('src/*/').map((path) => relative('src', path)))];

  assert.deepEqual(
    folders.filter((folder) => !page.includes(`${folder}/`)),
    [],
  );
});
