import { once } from 'node:events';
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ServiceView } from '../../src/controller/views.ts';
import type { ReplicaRecord } from '../../src/workload/process/record.ts';
import {
  createWorld,
  type Controller,
  type Ran,
  type RunOptions,
  type Running,
  type World,
} from './harness.ts';
import { forkLoad, type RemoteLoad } from './load/remote.ts';
import type { LoadOptions } from './load/options.ts';
import { freePorts, freeRange } from './ports.ts';
import { SHOP_DIRECTORY, type ShopRelease } from './shop.ts';
import { waitFor, type WaitOptions } from './wait-for.ts';

/** For the slots of all services of a stage; each takes two times `max-replicas`. */
const SLOT_PORTS = 120;
const ASK_WITHIN_MS = 5000;

/** What `t.after` needs of a test's context; `node:test` has no type for "a test or a suite". */
export type Scope = { after(close: () => Promise<void>): void };

export type Settings = Readonly<Record<string, unknown>>;

/** Short canaries for tests. What is given wins. */
export function canary(settings: Settings = {}): Settings {
  const quick = {
    steps: ['50%', '100%'],
    dwell: { 'at-least': '1s', 'at-most': '2s' },
    bake: '0s',
    'warm-up': '0s',
    watch: '0s',
    'keep-old': '1m',
    'when-unsure': { wait: '0s', then: 'advance' },
  };
  return { canary: { ...quick, ...settings } };
}

/** A canary that stays at its first step until somebody moves it. */
export function lasting(settings: Settings = {}): Settings {
  return canary({ dwell: { 'at-least': '10m', 'at-most': '20m' }, ...settings });
}

export function blueGreen(settings: Settings = {}): Settings {
  return { 'blue-green': { watch: '0s', 'keep-old': '1m', ...settings } };
}

/** A server with services of its own, in a world of its own. */
export type Stage = {
  readonly world: World;
  readonly stateDirectory: string;
  /** The one that was started last. */
  controller(): Controller;
  /** Starts it anew, after it was stopped. */
  serve(env?: Readonly<Record<string, string>>): Promise<Controller>;
  /** A service with a directory of its own: the example shop in it, and a door of its own unless `listen` says where. */
  app(name: string, settings?: Settings): Promise<App>;
  /** A verb in no particular directory. */
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
};

export async function openStage(
  scope: Scope,
  serverFile: string = '',
  prepare: (stateDirectory: string) => void = () => undefined,
  program?: readonly string[],
): Promise<Stage> {
  const world = await createWorld(program);
  scope.after(() => world.close());
  const { stateDirectory } = world;
  prepare(stateDirectory);
  const first = await freeRange(SLOT_PORTS);
  const ports = `slot-ports: ${first}-${first + SLOT_PORTS - 1}\n`;
  await writeFile(join(stateDirectory, 'server.yaml'), `${ports}proxy-workers: 2\n${serverFile}`);
  let controller = await world.serve();
  return {
    world,
    stateDirectory,
    controller: () => controller,
    serve: async (env = {}) => {
      controller = await world.serve({ env });
      return controller;
    },
    app: async (name, settings = {}) => {
      const directory = join(world.directory, name);
      await cp(SHOP_DIRECTORY, directory, { recursive: true });
      const [port] = await freePorts(1);
      const app = new App(world, { name, directory, port: port!, scope });
      await app.describe(settings);
      return app;
    },
    run: (args, options) => world.run(args, options),
  };
}

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of the shop, by its header; null when it was not the shop that answered. */
  readonly version: string | null;
  readonly body: string;
  /** `name=value` of the proxy's own cookie, where it was set. */
  readonly cookie: string | null;
};

type Place = {
  readonly name: string;
  readonly directory: string;
  readonly port: number;
  readonly scope: Scope;
};

/** One service as its owner sees it: a directory with a file, and verbs run in it. */
export class App {
  readonly name: string;
  readonly directory: string;
  /** Of its door, unless `listen` was given. */
  readonly port: number;
  readonly #world: World;
  readonly #scope: Scope;

  constructor(world: World, { name, directory, port, scope }: Place) {
    this.#world = world;
    this.name = name;
    this.directory = directory;
    this.port = port;
    this.#scope = scope;
  }

  /** Writes bascule.yaml anew (JSON is YAML). */
  async describe(settings: Settings): Promise<void> {
    const service = {
      run: 'node server.mjs',
      health: { path: '/healthz', interval: '100ms' },
      'max-replicas': 2,
      listen: `127.0.0.1:${this.port}`,
      drain: '2s',
      'stream-grace': '1s',
      'stop-grace': '3s',
      strategy: canary(),
      ...settings,
    };
    await this.write('bascule.yaml', JSON.stringify({ version: 1, services: { [this.name]: service } }));
  }

  async write(path: string, content: string): Promise<void> {
    await mkdir(join(this.directory, path, '..'), { recursive: true });
    await writeFile(join(this.directory, path), content);
  }

  /** Makes the next version of the shop, and gives it to users. */
  async deploy(version: string, release: Partial<ShopRelease> = {}, ...flags: string[]): Promise<Ran> {
    return this.beginNow(await this.#deployment(version, release, flags)).ran;
  }

  async begin(version: string, release: Partial<ShopRelease> = {}, ...flags: string[]): Promise<Running> {
    return this.beginNow(await this.#deployment(version, release, flags));
  }

  /** Begins a rollout that stays where it is, and waits until the share is there. Returns its id. */
  async deployDetached(
    version: string,
    release: Partial<ShopRelease> = {},
    ...flags: string[]
  ): Promise<string> {
    const ran = await this.deploy(version, release, '--detach', ...flags);
    if (ran.code !== 0) throw new Error(`deploy --detach: exit ${ran.code}\n${ran.stderr}`);
    return ran.stdout.trim();
  }

  async #deployment(
    version: string,
    release: Partial<ShopRelease>,
    flags: readonly string[],
  ): Promise<readonly string[]> {
    await this.write('version.json', JSON.stringify({ version, ...release }));
    return ['deploy', this.name, '--version', version, ...flags];
  }

  /** `pause`, `weight 25`, …: the name comes after the verb. */
  verb(verb: string, ...args: string[]): Promise<Ran> {
    return this.run([verb, this.name, ...args]);
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.#world.run(args, { cwd: this.directory, ...options });
  }

  beginNow(args: readonly string[], options: RunOptions = {}): Running {
    return this.#world.begin(args, { cwd: this.directory, ...options });
  }

  /** What the API says of it, asked without a process of its own. */
  async view(): Promise<ServiceView> {
    const socketPath = join(this.#world.stateDirectory, 'sockets', 'viewer.sock');
    const sent = request({ socketPath, path: `/api/v1/services/${this.name}`, agent: false }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return (JSON.parse(await text(response)) as { service: ServiceView }).service;
  }

  async until(
    what: string,
    look: (view: ServiceView) => boolean,
    options: WaitOptions = { withinMs: 60_000, everyMs: 50 },
  ): Promise<ServiceView> {
    return waitFor(
      `${this.name}: ${what}`,
      async () => {
        const view = await this.view();
        if (look(view)) return view;
        throw new Error(JSON.stringify({ ...view, allowedActions: undefined, last: view.last?.reason }));
      },
      options,
    );
  }

  /** Until the rollout under way is at a share, being judged. */
  untilDwelling(): Promise<ServiceView> {
    return this.until('at a share', ({ rollout }) => rollout?.phase === 'dwelling');
  }

  untilOver(): Promise<ServiceView> {
    return this.until('no rollout under way', ({ rollout }) => rollout === null);
  }

  /** One GET through the door, over a connection of its own; `headers` may name a host or a cookie. */
  ask(headers: Readonly<Record<string, string>> = {}, path = '/'): Promise<Answer> {
    return askAt(this.port, headers, path);
  }

  /** Puts load on the door until the test is over or `stop` is called. */
  load(options: Partial<LoadOptions> = {}): RemoteLoad {
    const load = forkLoad({ port: this.port, perSecond: 150, users: 200, connections: 16, ...options });
    this.#scope.after(async () => load.kill());
    return load;
  }

  /** What is recorded of its running replicas. */
  async replicas(): Promise<readonly ReplicaRecord[]> {
    const directory = join(this.#world.stateDirectory, 'run', this.name);
    const files = (await readdir(directory)).filter((file) => file.endsWith('.json')).sort();
    return Promise.all(
      files.map(async (file) => JSON.parse(await readFile(join(directory, file), 'utf8')) as ReplicaRecord),
    );
  }

  /** Process id of the first replica in this role. */
  async pidOf(role: 'stable' | 'candidate' | 'kept'): Promise<number> {
    const { slots } = await this.view();
    const slot = Object.entries(slots).find(([, seen]) => seen.role === role)?.[0];
    const found = (await this.replicas()).find((record) => record.slot === slot);
    if (found === undefined) throw new Error(`no replica of ${this.name} is ${role}`);
    return found.session.pid;
  }
}

/** One GET, over a connection of its own. */
export async function askAt(
  port: number,
  headers: Readonly<Record<string, string>> = {},
  path = '/',
): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, headers, agent: false });
  sent.setTimeout(ASK_WITHIN_MS, () => sent.destroy(new Error(`no answer within ${ASK_WITHIN_MS} ms`)));
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const body = await text(response);
  const set = (response.headers['set-cookie'] ?? []).find((cookie) => cookie.startsWith('bascule_id='));
  const version = response.headers['x-version'];
  return {
    status: response.statusCode!,
    headers: response.headers,
    version: typeof version === 'string' ? version : null,
    body,
    cookie: set?.split(';')[0] ?? null,
  };
}

/** Every line that a program wrote, for a message of a failed assertion. */
export function told({ code, stdout, stderr }: Ran): string {
  return `exit ${code}\n${stdout}${stderr}`;
}
