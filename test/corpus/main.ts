/**
 * `npm run corpus`: sends the corpus of malformed requests through the built-in proxy, nginx and HAProxy, and writes
 * docs/malformed-requests.md. Ends with 1 when the built-in one passed on what could be read in two ways.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROXY_NAMES, type ProxyName, absence, openLanes } from '../wire/lanes.ts';
import { CORPUS } from './corpus.ts';
import { type Outcome, outcomesOf } from './outcome.ts';
import { renderCorpus } from './page.ts';

const LANES = 8;
const PAGE = join(import.meta.dirname, '../../docs/malformed-requests.md');

const results = new Map<ProxyName, readonly Outcome[]>();
for (const name of PROXY_NAMES) {
  const why = absence(name);
  if (why !== null) throw new Error(`the page needs all three proxies: ${why}`);
  results.set(name, await tried(name));
}
await writeFile(PAGE, renderCorpus(CORPUS, results));
const passed = CORPUS.filter((_, i) => results.get('built-in')![i]!.kind === 'ambiguous');
for (const { family, name } of passed) console.log(`passed on by the built-in proxy: ${family}: ${name}`);
console.log(`${CORPUS.length} requests, ${passed.length} ambiguous behind the built-in proxy`);
process.exitCode = passed.length === 0 ? 0 : 1;

async function tried(name: ProxyName): Promise<readonly Outcome[]> {
  const directory = await mkdtemp(join(tmpdir(), 'bascule-corpus-'));
  const { lanes, isUnharmed, close } = await openLanes(name, LANES, directory);
  try {
    const outcomes = await outcomesOf(lanes, CORPUS);
    if (!isUnharmed()) throw new Error(`${name} did not survive`);
    return outcomes;
  } finally {
    await close();
    await rm(directory, { recursive: true, force: true });
  }
}
