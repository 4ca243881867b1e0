import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Judged, judgeRequests } from './conversation.ts';
import type { World } from './world.ts';

const FOLDER = join(import.meta.dirname, 'golden');

/** What a client once said that the proxy took badly; escaped as in JSON, so that every byte can be seen. */
export type Golden = {
  readonly name: string;
  /** What happened then. */
  readonly once: string;
  readonly bytes: string;
  /** Targets whose answers must come, in order. */
  readonly answered: readonly string[];
};

export function goldens(): Golden[] {
  return readdirSync(FOLDER).map((file) => ({
    name: file.replace(/\.json$/, ''),
    ...(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Omit<Golden, 'name'>),
  }));
}

export function replayed(world: World, { bytes, answered }: Golden): Promise<Judged> {
  const sound = answered.map((target) => ({ method: 'GET', target }));
  return judgeRequests(world.port, { bytes, cuts: [], sound, sent: 0, ends: false, refused: false });
}
