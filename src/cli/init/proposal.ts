import { assert } from '../../lib/assert.ts';
import { parseConfig } from '../../release/parse.ts';
import { applicationsIn, type Application } from './application.ts';
import { currentOf, type CurrentFindings } from './current.ts';
import { healthPathIn, type HealthPath } from './health-path.ts';
import type { Look } from './look.ts';
import { nginxSites } from './nginx-site.ts';
import { renderFile } from './render-file.ts';
import { siteChange, type SiteChange } from './site-change.ts';
import { adviseStrategy, type Advice } from './strategy-advice.ts';

/** What was asked for on the command line; null: to be found. */
export type Asked = {
  readonly name: string | null;
  readonly run: string | null;
  readonly listen: number | null;
  readonly strategy: string | null;
};

/** What the file is to say, and why. */
export type Proposal = {
  readonly name: string;
  readonly application: Application;
  /** What else can be started here. */
  readonly others: readonly Application[];
  readonly current: CurrentFindings;
  readonly health: HealthPath;
  readonly listen: Door;
  readonly advice: Advice;
  /** What is to change in the nginx site that passes to `current`; null where none does. */
  readonly siteChange: SiteChange | null;
  /** The file itself. */
  readonly text: string;
};

/** `isBehind`: another proxy stays in front, so the door is for this machine only. */
export type Door = { readonly port: number; readonly isBehind: boolean; readonly isMoved: boolean };

const USUAL_PORT = 8080;
const LAST_PORT = 8199;
const LONGEST_NAME = 40;

/** Null where nothing that could be started was found. */
export function propose(look: Look, asked: Asked): Proposal | null {
  const found = applicationsIn(look);
  const named: Application = {
    what: 'the command',
    seenIn: '--run',
    run: asked.run ?? '',
    build: null,
    notes: [],
  };
  const [application, ...others] = asked.run === null ? found : [named, ...found];
  if (application === undefined) return null;
  const current = currentOf(look);
  const listen = doorOf(look, current, asked.listen);
  const parts = {
    name: asked.name ?? serviceName(look.name),
    application,
    others,
    current,
    health: healthPathIn(look),
    listen,
    advice: adviseStrategy(look, current.chosen, asked.strategy),
    siteChange: siteChangeOf(look, current, listen),
  };
  return { ...parts, text: textOf(parts) };
}

/**
 * What is written passes `bascule check`: else it is a bug of this folder, and nothing is written. An address in front of
 * which a proxy stands may be of a form that `current` does not take (https, a name that is no host): then it is a comment.
 */
function textOf(parts: Omit<Proposal, 'text'>): string {
  const texts = [renderFile(parts, 'current'), renderFile(parts, '# current')];
  const valid = texts.find((text) => parseConfig(text, 'bascule.yaml', {}).ok);
  assert(valid !== undefined, `init would write what check refuses:\n${texts[0]}`);
  return valid;
}

function siteChangeOf(look: Look, { chosen }: CurrentFindings, { port }: Door): SiteChange | null {
  const site = nginxSites(look.nginx).find(
    ({ file, proxyPass }) => `${file}:${proxyPass.line}` === chosen?.passedFrom,
  );
  return site === undefined ? null : siteChange(look.nginx, site, port);
}

/** The name of the directory in the form that services have. */
function serviceName(directory: string): string {
  const name = directory
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, '-')
    .replace(/^[^a-z]+/u, '')
    .slice(0, LONGEST_NAME)
    .replace(/-+$/u, '');
  return name === '' ? 'app' : name;
}

/** 8080, or the next port on which nobody listens. */
function doorOf(look: Look, current: CurrentFindings, asked: number | null): Door {
  const isBehind = current.chosen !== null && current.chosen.passedFrom !== null;
  if (asked !== null) return { port: asked, isBehind, isMoved: false };
  const taken = new Set(look.takenPorts);
  if (current.chosen !== null) taken.add(Number(new URL(current.chosen.url).port));
  let port = USUAL_PORT;
  while (taken.has(port) && port < LAST_PORT) port += 1;
  return { port, isBehind, isMoved: port !== USUAL_PORT };
}
