import type { Application } from './application.ts';
import { findLine, shown, sourcesOf, type Look } from './look.ts';

type Manifest = {
  readonly scripts: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, unknown>>;
  readonly main: unknown;
};

const NO_MANIFEST: Manifest = { scripts: {}, dependencies: {}, main: undefined };

/** Frameworks with a command of their own. The others read PORT by themselves, or their own code has to. */
const FRAMEWORKS: readonly { readonly name: string; readonly dependency: string; readonly run: string }[] = [
  {
    name: 'Next.js',
    dependency: 'next',
    run: 'node_modules/.bin/next start --hostname 127.0.0.1 --port $PORT',
  },
  { name: 'Nuxt', dependency: 'nuxt', run: 'NITRO_HOST=127.0.0.1 node .output/server/index.mjs' },
  { name: 'SvelteKit', dependency: '@sveltejs/adapter-node', run: 'HOST=127.0.0.1 node build' },
  { name: 'Astro', dependency: '@astrojs/node', run: 'HOST=127.0.0.1 node dist/server/entry.mjs' },
  {
    name: 'Remix',
    dependency: '@remix-run/serve',
    run: 'HOST=127.0.0.1 node_modules/.bin/remix-serve build/server/index.js',
  },
];
const SERVERS = ['express', 'fastify', 'koa', 'hono', '@nestjs/core', '@hapi/hapi'];
const NODE_SOURCES = /\.(?:m?[jt]s|cjs)$/u;

export function nodeApplications(look: Look): readonly Application[] {
  const manifest = manifestOf(look) ?? NO_MANIFEST;
  const framework = FRAMEWORKS.find(({ dependency }) => dependency in manifest.dependencies);
  const start = manifest.scripts['start'];
  const run = framework?.run ?? runOf(look, manifest);
  if (run === null) return [];
  const server = SERVERS.find((name) => name in manifest.dependencies);
  const what = framework?.name ?? (server === undefined ? 'Node' : `Node with ${server}`);
  const seenIn =
    framework === undefined && typeof start !== 'string' ? run.replace('node ', '') : lineOfStart(look);
  const notes = framework === undefined ? portNotes(look, run) : [];
  return [{ what, seenIn, run, build: buildOf(look, manifest), notes }];
}

function manifestOf(look: Look): Manifest | null {
  try {
    const value: unknown = JSON.parse(look.read('package.json') ?? 'null');
    if (typeof value !== 'object' || value === null) return null;
    const { scripts, dependencies, main } = value as Record<string, unknown>;
    return { scripts: mapping(scripts), dependencies: mapping(dependencies), main };
  } catch {
    return null; // not JSON: npm would not start it either
  }
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** `node …` itself rather than `npm start` where that is all it does: one process fewer, and it gets SIGTERM itself. */
function runOf(look: Look, { scripts, main }: Manifest): string | null {
  const { start } = scripts;
  if (typeof start === 'string') return /^node [\w./ -]+$/u.test(start) ? start : 'npm start';
  const file = [main, 'server.js', 'server.mjs', 'index.js', 'index.mjs'].find(
    (path): path is string =>
      typeof path === 'string' && /^[\w./-]+$/u.test(path) && look.paths.includes(path.replace(/^\.\//u, '')),
  );
  return file === undefined ? null : `node ${file}`;
}

function buildOf(look: Look, { scripts, dependencies }: Manifest): string | null {
  const builds = typeof scripts['build'] === 'string';
  if (!builds && Object.keys(dependencies).length === 0) return null;
  const install = look.paths.includes('package-lock.json') ? 'npm ci' : 'npm install';
  return builds ? `${install} && npm run build` : `${install} --omit=dev`;
}

function lineOfStart(look: Look): string {
  const found = findLine(look, ['package.json'], /"start"\s*:/u);
  return found === null ? 'package.json' : shown(found.place);
}

function portNotes(look: Look, run: string): readonly string[] {
  const sources = sourcesOf(look, NODE_SOURCES);
  if (run.includes('$PORT') || findLine(look, sources, /env(?:\.|\[['"])PORT\b/u) !== null) return [];
  const fixed = findLine(look, sources, /(?:listen\(|\bport\s*[:=])\s*(\d{2,5})\b/iu);
  if (fixed === null) return [];
  return [
    `${shown(fixed.place)} listens on ${fixed.match[1]}, whatever $PORT says, so it will not become ready: make that process.env.PORT ?? ${fixed.match[1]}`,
  ];
}
