import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testApi, type TestApi } from '../http/api-fixture.ts';
import { BEGAN_MS } from '../http/fake-views.ts';
import type { Io } from './io.ts';
import type { Effects } from './titles.ts';
import { runCli } from './run.ts';

/** Commands as people type them, in a project of its own, against the real API with a fake controller behind it. */
export type TestCli = {
  readonly api: TestApi;
  readonly project: string;
  readonly served: unknown[];
  /** Runs a command line to its end. */
  run(line: string | readonly string[], scene?: Scene): Promise<Ran>;
  /** Starts one that goes on. */
  start(line: string, scene?: Scene): Running;
  write(file: string, text: string | Buffer): Promise<void>;
  end(): Promise<void>;
};

export type Scene = {
  readonly terminal?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Another state directory than that of the server. */
  readonly stateDir?: string;
  /** How fast time passes for the command; 1 where it is not given. */
  readonly hurry?: number;
};

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

export type Running = {
  readonly ended: Promise<Ran>;
  /** What was printed so far. */
  out(): string;
  err(): string;
  interrupt(): void;
  press(key: string): void;
  until(pattern: RegExp): Promise<void>;
};

export const FILE = `version: 1
services:
  shop:
    run: node server.mjs
    listen: 8080
    replicas: 2
    strategy: canary
`;

export async function testCli(options: Parameters<typeof testApi>[0] = {}): Promise<TestCli> {
  const api = await testApi(options);
  const project = await mkdtemp(join(tmpdir(), 'bascule-cli-'));
  await writeFile(join(project, 'bascule.yaml'), FILE);
  await writeFile(join(project, 'server.mjs'), 'console.log("hello");\n');
  const served: unknown[] = [];
  const effects: Effects = {
    version: '0.1.0',
    serve: (options) => Promise.resolve(void served.push(options)),
    proxy: (options) => Promise.resolve(void served.push(options)),
    restore: () => Promise.reject(new Error('nothing is restored here')),
  };
  const start = (line: string | readonly string[], scene: Scene = {}) =>
    begin(typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line, scene, {
      api,
      project,
      effects,
    });
  return {
    api,
    project,
    served,
    start,
    run: (line, scene) => start(line, scene).ended,
    write: async (file, text) => {
      await mkdir(join(project, file, '..'), { recursive: true });
      await writeFile(join(project, file), text);
    },
    end: async () => {
      await api.end();
      await rm(project, { recursive: true, force: true });
    },
  };
}

/** When the tests look: six minutes and twelve seconds into the rollout. */
const LOOK_MS = BEGAN_MS + 372_000;

function begin(
  argv: readonly string[],
  scene: Scene,
  world: { readonly api: TestApi; readonly project: string; readonly effects: Effects },
): Running {
  const { api, project, effects } = world;
  const texts = { out: '', err: '' };
  const stateDir = scene.stateDir ?? api.stateDir;
  const began = Date.now();
  const interrupts = new Set<() => void>();
  const keys = new Set<(key: string) => void>();
  const terminal = scene.terminal === true;
  const io: Io = {
    out: (text) => void (texts.out += text),
    err: (text) => void (texts.err += text),
    outIsTerminal: terminal,
    errIsTerminal: terminal,
    size: () => ({ columns: scene.columns ?? 120, rows: 50 }),
    env: { BASCULE_STATE_DIR: stateDir, HOME: '/home/ana', ...scene.env },
    cwd: project,
    nowMs: () => LOOK_MS + (Date.now() - began) * (scene.hurry ?? 1),
    timeZone: 'UTC',
    onInterrupt: (listener) => {
      interrupts.add(listener);
      return () => interrupts.delete(listener);
    },
    onKey: terminal
      ? (listener) => {
          keys.add(listener);
          return () => keys.delete(listener);
        }
      : null,
  };
  const plain = (text: string) => text.replaceAll(stateDir, '<state>').replaceAll(project, '<project>');
  return {
    ended: runCli(argv, io, effects).then((code) => {
      assert.equal(interrupts.size + keys.size, 0, 'a listener was left behind');
      return { code, out: plain(texts.out), err: plain(texts.err) };
    }),
    out: () => plain(texts.out),
    err: () => plain(texts.err),
    interrupt: () => {
      for (const listener of interrupts) listener();
    },
    press: (key) => {
      for (const listener of keys) listener(key);
    },
    until: async (pattern) => {
      const end = Date.now() + 5000;
      while (!pattern.test(texts.out + texts.err)) {
        assert.ok(Date.now() < end, `did not print ${String(pattern)} within 5 s:\n${texts.out}${texts.err}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

const GOLDEN = join(import.meta.dirname, 'golden');

/** Exactly what the golden file holds. UPDATE_GOLDEN=1 writes it anew: read the difference before it is committed. */
export function golden(name: string, text: string): void {
  const path = join(GOLDEN, name);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
  assert.ok(existsSync(path), `no golden file ${name}: UPDATE_GOLDEN=1 writes it`);
  assert.equal(text, readFileSync(path, 'utf8'));
}
