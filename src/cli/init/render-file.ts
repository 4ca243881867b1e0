import { stringify } from 'yaml';
import type { Proposal } from './proposal.ts';

type Line = { readonly key: string; readonly value: string; readonly why?: string };

/** `bascule.yaml`: a line for each thing that was found, and where. `currentKey`: as a value, or as a comment. */
export function renderFile(proposal: Omit<Proposal, 'text'>, currentKey: 'current' | '# current'): string {
  const { name, application, health, listen, advice, current, others } = proposal;
  const { chosen } = current;
  const lines: Line[] = [
    { key: 'run', value: shellText(application.run), why: `${application.what}, ${application.seenIn}` },
  ];
  if (application.build !== null)
    lines.unshift({
      key: 'build',
      value: shellText(application.build),
      why: 'once per release, before its first start',
    });
  const seen = health.seenIn ?? 'no health check seen in the sources; one that asks the database is better';
  lines.push({ key: 'health', value: health.path, why: seen });
  const behind = listen.isBehind && chosen !== null;
  lines.push({
    key: 'listen',
    value: behind ? `127.0.0.1:${listen.port}` : String(listen.port),
    why: behind
      ? `the built-in proxy; ${chosen.passedFrom} is to pass to it`
      : 'the built-in proxy: clients come here',
  });
  if (behind && chosen.host !== null) lines.push({ key: 'host', value: chosen.host });
  if (behind)
    lines.push({ key: 'trust-forwarded', value: 'true', why: 'the proxy in front says who the client is' });
  if (chosen !== null)
    lines.push({ key: currentKey, value: chosen.url, why: `serves today: ${chosen.seenIn}` });
  const strategy = advice.preset === null ? advice.strategy : `{${advice.strategy}: {use: ${advice.preset}}}`;
  const all = [
    '# Written by "bascule init" from what it saw here; every line is yours to change.',
    'version: 1',
    'services:',
    `  ${name}:`,
    ...lines.map(
      ({ key, value, why }) => `    ${written(key, value)}${why === undefined ? '' : `   # ${oneLine(why)}`}`,
    ),
    `    # ${oneLine(advice.because)}`,
    `    strategy: ${strategy}`,
  ];
  if (others.length > 0) {
    const also = others.map(({ what, seenIn, run }) => `${what} (${seenIn}): ${run}`);
    all.push(...also.map((one) => `    # also seen: ${oneLine(one)}`));
  }
  return `${all.join('\n')}\n`;
}

function written(key: string, value: string): string {
  const isPlain = key === 'listen' || key === 'trust-forwarded';
  return `${key}: ${isPlain ? value : stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd()}`;
}

/** `$$` and `${…}` mean something to the file; `$NAME` is left to the shell. */
function shellText(command: string): string {
  return command.replaceAll(/\$\$|\$(?=\{)/gu, (sign) => `${sign}${sign}`);
}

/** What others wrote goes into a comment: control characters would end it, or paint the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
}
