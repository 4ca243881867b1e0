import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, waitFor } from '../../conformance.ts';
import { makeCertificate } from '../tls-fixture.ts';

/** Pebble, the authority for tests of Let's Encrypt's makers, on loopback; it asks at `httpPort` of each name. */
export type Pebble = {
  readonly directory: string;
  /** Root of its own HTTPS. */
  readonly authority: string;
  readonly stop: () => Promise<void>;
};

export const NO_PEBBLE =
  spawnSync('pebble', ['-version']).error === undefined && spawnSync('openssl', ['version']).status === 0
    ? false
    : 'pebble or openssl is not installed';

export async function startPebble(httpPort: number): Promise<Pebble> {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-pebble-'));
  const [port, management, dns, dnsManagement] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const { certificate, key } = makeCertificate(folder, 'pebble', ['localhost', '127.0.0.1']);
  const config = join(folder, 'pebble.json');
  writeFileSync(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate,
        privateKey: key,
        httpPort,
        tlsPort: 1,
        ocspResponderURL: '',
        externalAccountBindingRequired: false,
      },
    }),
  );
  // Every name is this machine.
  const names = spawn(
    'pebble-challtestsrv',
    ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`]
      .concat(['-defaultIPv4', '127.0.0.1', '-defaultIPv6', ''])
      .concat(['-http01', '', '-https01', '', '-tlsalpn01', '']),
    { stdio: 'ignore' },
  );
  const pebble = spawn('pebble', ['-config', config, '-dnsserver', `127.0.0.1:${dns}`], {
    stdio: 'ignore',
    env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' },
  });
  const directory = `https://127.0.0.1:${port}/dir`;
  await waitFor(
    () => answers(directory),
    (is) => is,
  );
  return {
    directory,
    authority: certificate,
    stop: async () => {
      await Promise.all([end(pebble), end(names)]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { rejectUnauthorized: false, agent: false }, (res) => {
      res.resume();
      resolve(res.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** A key and a self-signed certificate in one file, as an order leaves them. */
export function writeOwn(file: string, names: readonly string[], days: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-own-'));
  const { certificate, key } = makeCertificate(folder, 'own', names, days);
  writeFileSync(file, execFileSync('cat', [key, certificate]), { mode: 0o600 });
  rmSync(folder, { recursive: true });
}
