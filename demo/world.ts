import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createWorld } from '../test/e2e/harness.ts';
import { freePorts, freeRange } from '../test/e2e/ports.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const SHOP = fileURLToPath(new URL('../examples/node-shop', import.meta.url));
const SLOT_PORTS = 8;

/** What the shop's version.json says of a release. */
export type ShopVersion = {
  readonly version: string;
  readonly errorRate?: number;
  readonly slowdown?: number;
};

/** A folder of its own with the shop, a server of its own, and ports that nobody else uses. */
export type World = {
  readonly port: number;
  /** Runs a command of Bascule on the shop, as somebody without a terminal would. */
  run(args: readonly string[], onLine: (line: string) => void): Promise<number>;
  writeVersion(version: ShopVersion): Promise<void>;
  writeStrategy(lines: readonly string[]): Promise<void>;
  /** Ends every process and takes the folder away. */
  close(): Promise<void>;
};

export async function openWorld(strategy: readonly string[]): Promise<World> {
  const world = await createWorld();
  const shop = join(world.directory, 'shop');
  const serverFile = join(world.directory, 'server.yaml');
  const [port] = await freePorts(1);
  const first = await freeRange(SLOT_PORTS);
  await cp(SHOP, shop, { recursive: true });
  await writeFile(serverFile, `slot-ports: ${first}-${first + SLOT_PORTS - 1}\n`);

  async function run(args: readonly string[], onLine: (line: string) => void): Promise<number> {
    const env = { ...process.env, BASCULE_STATE_DIR: world.stateDirectory, NO_COLOR: '1' };
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: shop,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
  }

  async function writeStrategy(lines: readonly string[]): Promise<void> {
    const service = [
      'run: node server.mjs',
      'health: /healthz',
      `listen: 127.0.0.1:${port}`,
      'drain: 5s',
      'stream-grace: 3s',
      ...lines,
    ];
    const text = ['version: 1', 'services:', '  shop:', ...service.map((line) => `    ${line}`)];
    await writeFile(join(shop, 'bascule.yaml'), `${text.join('\n')}\n`);
  }

  await writeStrategy(strategy);
  await world.serve({ args: ['--config', serverFile] });
  const writeVersion = (version: ShopVersion): Promise<void> =>
    writeFile(join(shop, 'version.json'), `${JSON.stringify(version)}\n`);
  return { port: port!, run, writeStrategy, writeVersion, close: () => world.close() };
}
