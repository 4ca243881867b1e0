import { findLine, shown, sourcesOf, type Look } from './look.ts';

export type HealthPath = { readonly path: string; readonly seenIn: string | null };

/** The usual names, the ones that mean only this first. */
const USUAL = [
  '/healthz',
  '/readyz',
  '/health',
  '/health/ready',
  '/api/health',
  '/healthcheck',
  '/health-check',
  '/up',
  '/livez',
  '/ping',
  '/status',
];

/** The health check that a route of the sources shows; `/` where none does. */
export function healthPathIn(look: Look): HealthPath {
  const sources = sourcesOf(look);
  for (const path of USUAL) {
    // Django writes routes without the slash in front, and with one behind.
    const name = path.slice(1);
    const found = findLine(
      look,
      sources,
      new RegExp(`(?:["'\`]/${name}(/?)["'\`]|\\bpath\\(\\s*["']${name}(/?)["'])`, 'u'),
    );
    if (found === null) continue;
    const slash = found.match[1] ?? found.match[2] ?? '';
    return { path: `${path}${slash}`, seenIn: shown(found.place) };
  }
  return { path: '/', seenIn: null };
}
