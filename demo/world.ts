import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ServiceView, WhyView } from '../src/controller/views.ts';
import { createWorld } from '../test/e2e/harness.ts';
import { freePorts, freeRange } from '../test/e2e/ports.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const SHOP = fileURLToPath(new URL('../examples/node-shop', import.meta.url));
const SLOT_PORTS = 8;
const ANSWER_MS = 5000;

/** What the shop's version.json says of a release. */
export type ShopVersion = {
  readonly version: string;
  readonly errorRate?: number;
  readonly slowdown?: number;
};

/** A folder of its own with the shop, a server of its own, and ports that nobody else uses. */
export type World = {
  readonly port: number;
  /** Runs a command of Bascule on the shop, as somebody without a terminal of so many columns would. */
  run(args: readonly string[], columns: number, onLine: (line: string) => void): Promise<number>;
  /** The shop as the API shows it now; null while the server has none, or does not answer. */
  shop(): Promise<ServiceView | null>;
  why(rollout: string): Promise<WhyView>;
  writeVersion(version: ShopVersion): Promise<void>;
  writeStrategy(lines: readonly string[]): Promise<void>;
  /** Ends every process and takes the folder away. */
  close(): Promise<void>;
};

export async function openWorld(strategy: readonly string[]): Promise<World> {
  const world = await createWorld();
  const shop = join(world.directory, 'shop');
  const socketPath = join(world.stateDirectory, 'sockets', 'viewer.sock');
  const [port] = await freePorts(1);

  async function run(
    args: readonly string[],
    columns: number,
    onLine: (line: string) => void,
  ): Promise<number> {
    const own = { BASCULE_STATE_DIR: world.stateDirectory, NO_COLOR: '1', COLUMNS: String(columns) };
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: shop,
      env: { ...process.env, ...own },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
  }

  async function ask<T>(path: string): Promise<T> {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const sent = get({ socketPath, path: `/api/v1${path}`, agent: false, signal });
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`GET ${path} was answered with ${answer.statusCode}`);
    return JSON.parse(await text(answer)) as T;
  }

  async function writeStrategy(lines: readonly string[]): Promise<void> {
    const service = [
      'run: node server.mjs',
      'health: {path: /healthz, interval: 500ms}',
      `listen: 127.0.0.1:${port}`,
      'drain: 5s',
      'stream-grace: 3s',
      ...lines,
    ];
    const file = ['version: 1', 'services:', '  shop:', ...service.map((line) => `    ${line}`)];
    await writeFile(join(shop, 'bascule.yaml'), `${file.join('\n')}\n`);
  }

  try {
    const serverFile = join(world.directory, 'server.yaml');
    const first = await freeRange(SLOT_PORTS);
    await cp(SHOP, shop, { recursive: true });
    await writeFile(serverFile, `slot-ports: ${first}-${first + SLOT_PORTS - 1}\n`);
    await writeStrategy(strategy);
    await world.serve({ args: ['--config', serverFile] });
  } catch (error) {
    await world.close();
    throw error;
  }
  return {
    port: port!,
    run,
    shop: async () =>
      ask<{ service: ServiceView }>('/services/shop').then(
        ({ service }) => service,
        () => null,
      ),
    why: async (rollout) => (await ask<{ why: WhyView }>(`/rollouts/${rollout}/why`)).why,
    writeVersion: (version) => writeFile(join(shop, 'version.json'), `${JSON.stringify(version)}\n`),
    writeStrategy,
    close: () => world.close(),
  };
}
