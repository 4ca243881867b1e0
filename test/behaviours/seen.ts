import { openBuiltin } from '../../src/traffic/builtin/conformance.ts';
import type { Case, OwnCase, Subject, Way } from './case.ts';
import { OWN_SUBJECTS, SUBJECTS } from './behaviours.ts';
import { RESTARTS } from './subjects/own-doors.ts';
import { type WorldName, openWorld } from './world.ts';

/** What was seen, by the name of the case. */
export type Seen = ReadonlyMap<string, string>;

/** How many cases are looked at side by side: some wait, none works. */
const ABREAST = 12;

/** All cases behind one proxy. What cannot be seen is an error's first line. */
export async function seeAll(name: WorldName): Promise<Seen> {
  const world = await openWorld(name);
  const cases = SUBJECTS.flatMap((subject: Subject) => subject.cases);
  const seen = new Map<string, string>();
  let next = 0;
  const turn = async (): Promise<void> => {
    for (let at = next++; at < cases.length; at = next++)
      if (isTried(cases[at]!, name)) seen.set(cases[at]!.name, await look(cases[at]!, world.way(at)));
  };
  try {
    await Promise.all(Array.from({ length: ABREAST }, turn));
    return seen;
  } finally {
    await world.close();
  }
}

export function isTried(each: Case, name: WorldName): boolean {
  return name === 'built-in' || each.not?.[name] === undefined;
}

async function look({ see }: Case, way: Way): Promise<string> {
  try {
    return shortened(await see(way));
  } catch (error) {
    return shortened((error as Error).message.split('\n')[0]!);
  }
}

/** What is Bascule's own: side by side, and what restarts the proxy after all that. */
export async function seeOwn(): Promise<Seen> {
  const bench = await openBuiltin(1);
  const cases = OWN_SUBJECTS.flatMap((subject) => subject.cases);
  const seen = new Map<string, string>();
  const see = async (each: OwnCase): Promise<void> => {
    seen.set(
      each.name,
      await each.see(bench).catch((error: unknown) => shortened((error as Error).message.split('\n')[0]!)),
    );
  };
  try {
    await Promise.all(cases.filter((each) => !RESTARTS.includes(each)).map(see));
    for (const each of RESTARTS) await see(each);
    return seen;
  } finally {
    await bench.close();
  }
}

/** A page has no room for more. */
export function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 60)}… ${text.length} characters` : text;
}
