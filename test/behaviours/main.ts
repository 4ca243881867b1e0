/**
 * `npm run behaviours`: looks at what the built-in proxy, nginx and HAProxy do, and writes docs/behaviours.md. Ends with 1
 * when the built-in one does not do what is wanted.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OWN_SUBJECTS, SUBJECTS } from './behaviours.ts';
import { renderBehaviours } from './page.ts';
import { PEER_NAMES, absentPeer } from './peers.ts';
import { seeAll, seeOwn, shortened } from './seen.ts';
import { peerVersions } from './versions.ts';

const PAGE = join(import.meta.dirname, '../../docs/behaviours.md');

for (const name of PEER_NAMES) {
  const why = absentPeer(name);
  if (why !== null) throw new Error(`the page needs all three proxies: ${why}`);
}
const found = new Map([...(await seeAll('built-in')), ...(await seeOwn())]);
const seen = { nginx: await seeAll('nginx'), HAProxy: await seeAll('HAProxy') };
await writeFile(PAGE, renderBehaviours(seen, await peerVersions()));
const cases = [...SUBJECTS, ...OWN_SUBJECTS].flatMap((subject) => [...subject.cases]);
const wrong = cases.filter(({ name, wanted }) => found.get(name) !== shortened(wanted));
for (const { name, wanted } of wrong) console.log(`${name}: wanted ${wanted}, saw ${found.get(name)}`);
console.log(`${cases.length} behaviours, ${wrong.length} not as wanted`);
process.exitCode = wrong.length === 0 ? 0 : 1;
