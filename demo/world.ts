import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const SHOP = fileURLToPath(new URL('../examples/node-shop', import.meta.url));
const START_MS = 15_000;

/** What the shop's version.json says of a release. */
export type ShopVersion = {
  readonly version: string;
  readonly errorRate?: number;
  readonly slowdown?: number;
};

/** A folder of its own with the shop, a server of its own, and ports that nobody else uses. */
export type World = {
  readonly port: number;
  /** Runs a command of Bascule on the shop; prints nothing itself. */
  run(args: readonly string[], onLine: (line: string) => void): Promise<number>;
  writeVersion(version: ShopVersion): Promise<void>;
  writeStrategy(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

export async function openWorld(strategy: readonly string[]): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), 'bascule-demo-'));
  const shop = join(home, 'shop');
  const state = join(home, 'state');
  await cp(SHOP, shop, { recursive: true });
  const [port, first] = await freePorts();
  await writeFile(join(home, 'server.yaml'), `slot-ports: ${first}-${first + 9}\n`);

  const server = spawn(
    process.execPath,
    [MAIN, 'serve', '--state-dir', state, '--config', join(home, 'server.yaml')],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const complaints: string[] = [];
  createInterface({ input: server.stderr }).on('line', (line) => complaints.push(line));

  async function run(args: readonly string[], onLine: (line: string) => void): Promise<number> {
    const child = spawn(process.execPath, [MAIN, ...args, '--state-dir', state], {
      cwd: shop,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
  }

  async function writeStrategy(lines: readonly string[]): Promise<void> {
    const text = [
      'version: 1',
      'services:',
      '  shop:',
      '    run: node server.mjs',
      '    health: /healthz',
      `    listen: 127.0.0.1:${port}`,
      ...lines.map((line) => `    ${line}`),
    ];
    await writeFile(join(shop, 'bascule.yaml'), `${text.join('\n')}\n`);
  }

  async function close(): Promise<void> {
    await run(['remove', 'shop', '--yes'], () => undefined);
    await waitUntilGone(run);
    await stopProxy(state);
    await stopProcess(server);
    await rm(home, { recursive: true, force: true });
  }

  await writeStrategy(strategy);
  await waitForServer(run, server, complaints);
  return {
    port,
    run,
    writeStrategy,
    close,
    writeVersion: (version) => writeFile(join(shop, 'version.json'), `${JSON.stringify(version)}\n`),
  };
}

async function waitForServer(
  run: World['run'],
  server: ChildProcess,
  complaints: readonly string[],
): Promise<void> {
  const deadline = Date.now() + START_MS;
  while ((await run(['status', '--json'], () => undefined)) !== 0) {
    if (server.exitCode !== null || Date.now() > deadline)
      throw new Error(`the server did not start:\n${complaints.join('\n')}`);
    await sleep(100);
  }
}

async function waitUntilGone(run: World['run']): Promise<void> {
  const deadline = Date.now() + START_MS;
  let there = true;
  while (there && Date.now() < deadline) {
    const lines: string[] = [];
    await run(['status', '--json'], (line) => lines.push(line));
    there = lines.join('').includes('"shop"');
    if (there) await sleep(100);
  }
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** The proxy outlives its controller on purpose; here nothing is left for it to do. */
async function stopProxy(state: string): Promise<void> {
  const text = await readFile(join(state, 'proxy', 'proxy.pid'), 'utf8').catch(() => null);
  if (text !== null) process.kill(Number(text), 'SIGTERM');
}

/** A free port for the door, and the first of ten free ones for the slots. */
async function freePorts(): Promise<readonly [door: number, first: number]> {
  const servers = await Promise.all([listen(), listen()]);
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  const [door, first] = ports as [number, number];
  return [door, Math.min(first, 65_000)];
}

async function listen(): Promise<ReturnType<typeof createServer>> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
