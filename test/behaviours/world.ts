import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../e2e/ports.ts';
import { startApplication } from './application.ts';
import type { Reflected, Way } from './case.ts';
import { answerTo, heard } from './client.ts';
import { startOwn } from './doors.ts';
import { type PeerName, startPeer } from './peers.ts';

export type WorldName = 'built-in' | PeerName;

/** One proxy, its doors, and the application behind them. */
export type World = {
  readonly way: (number: number) => Way;
  readonly close: () => Promise<void>;
};

export async function openWorld(name: WorldName): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'bascule-behaviours-'));
  const application = await startApplication();
  const [shop, any, limited, trusted] = (await freePorts(4)) as [number, number, number, number];
  const ports = { shop, any, limited, trusted };
  const stop = await (name === 'built-in'
    ? startOwn(ports, application)
    : startPeer(name, directory, { ports, application }));
  return {
    way: (number) => {
      const key = `c${number}`;
      const path = `/${key}`;
      const ask: Way['ask'] = (asking = {}) => answerTo(ports[asking.door ?? 'shop'], path, asking);
      return {
        path,
        ask,
        port: (door = 'shop') => ports[door],
        on: (handler) => void application.handlers.set(key, handler),
        onUpgrade: (handler) => void application.upgrades.set(key, handler),
        reflected: async (asking = {}) => {
          const { status, body } = await ask(asking);
          if (status !== 200) throw new Error(`answered ${status}: ${body.slice(0, 200)}`);
          return JSON.parse(body) as Reflected;
        },
        raw: (bytes, isEnough = () => false, door = 'shop') =>
          heard(ports[door], bytes.replaceAll('$PATH', path), isEnough),
      };
    },
    close: async () => {
      await stop();
      await application.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
