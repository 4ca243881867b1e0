import { mkdir } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import type { Address } from '../../src/lib/address.ts';
import type { TlsFiles } from '../../src/release/service.ts';
import { freePorts } from '../../test/e2e/ports.ts';
import { waitFor } from '../../test/e2e/wait-for.ts';
import type { Peer, Running } from '../peers.ts';
import type { Ports } from './lanes.ts';

/** A proxy that runs. */
export type Entry = { readonly peer: Peer; readonly ports: Ports; readonly running: Running };

/** What all of them share. */
export type Ground = {
  readonly directory: string;
  readonly certificate: TlsFiles;
  readonly backends: readonly [Address, Address];
};

export async function startEntry(peer: Peer, ground: Ground): Promise<Entry> {
  const [port = 0, securePort = 0] = await freePorts(2);
  const directory = join(ground.directory, `${peer.name}-${port}`);
  await mkdir(directory);
  const running = await peer.start({ ...ground, directory, port, securePort });
  try {
    await waitFor(`${peer.name} to answer`, async () => (await answerOf(port)).status === 200);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { peer, ports: { port, securePort }, running };
}

/** As the built-in proxy gives them out, so that its requests are of people whom it knows. The others get the same. */
export async function cookiesOf(port: number, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < count; i++) {
    const { cookie } = await answerOf(port);
    // Without it every request would be a newcomer's, and something else would be measured.
    if (cookie === undefined) throw new Error('the built-in proxy gave no cookie');
    found.push(cookie.split(';')[0]!);
  }
  return found;
}

/** On a connection that is not kept. */
function answerOf(port: number): Promise<{ readonly status: number; readonly cookie: string | undefined }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, (answer) => {
      answer.on('error', reject).resume();
      answer.on('end', () =>
        resolve({ status: answer.statusCode!, cookie: answer.headers['set-cookie']?.[0] }),
      );
    }).on('error', reject);
  });
}
