import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { waitFor } from './wait-for.ts';

/** Why there is no Prometheus here, or false. */
export const noPrometheus =
  spawnSync('prometheus', ['--version']).status === 0
    ? false
    : 'there is no Prometheus: prometheus --version failed (apt-get install prometheus)';

export type Prometheus = {
  readonly url: string;
  stop(): Promise<void>;
  /** Again, at the same address and with what it had stored. */
  start(): Promise<void>;
};

type Scraped = {
  readonly ports: readonly number[];
  readonly web?: string;
  /** More of `scrape_configs`, as they stand in its file. */
  readonly jobs?: string;
};

/** A real Prometheus on loopback that scrapes the given ports every second. */
export async function startPrometheus(
  directory: string,
  { ports, web = '', jobs = '' }: Scraped,
): Promise<Prometheus> {
  const [port] = await freePorts(1);
  const config = join(directory, 'prometheus.yml');
  await mkdir(directory, { recursive: true });
  const targets = ports.map((one) => `'127.0.0.1:${one}'`).join(', ');
  await writeFile(
    config,
    `global: {scrape_interval: 1s, scrape_timeout: 900ms}
scrape_configs:
  - job_name: shop
    static_configs: [{targets: [${targets}]}]
${jobs}`,
  );
  const webFile = join(directory, 'web.yml');
  await writeFile(webFile, web);
  let child: ChildProcess | null = null;
  const url = `http://127.0.0.1:${port}`;

  async function start(): Promise<void> {
    const started = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        ...(web === '' ? [] : [`--web.config.file=${webFile}`]),
        '--log.level=error',
      ],
      { stdio: 'ignore', env: { PATH: process.env['PATH'] ?? '', HOME: directory } },
    );
    child = started;
    await waitFor('Prometheus to listen', async () => {
      if (started.exitCode !== null) throw new Error(`prometheus ended with ${started.exitCode}`);
      // Whatever it answers; where it wants a password, 401.
      return fetch(`http://127.0.0.1:${port}/-/ready`).then(
        ({ status }) => status !== 503,
        () => web.includes('tls') && started.exitCode === null && listens(port!),
      );
    });
  }

  async function stop(): Promise<void> {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }

  await start();
  return { url, start, stop };
}

async function listens(port: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
