import type { Proposal } from './proposal.ts';

/** What was found and chosen, for people: a line each. */
export function renderProposal(proposal: Proposal): readonly string[] {
  const { name, application, others, current, health, listen, advice } = proposal;
  const { chosen } = current;
  const lines = [`${name}: ${application.what} (${application.seenIn})`, `  run       ${application.run}`];
  if (others.length > 0) {
    const also = others.map(({ what, seenIn }) => `${what} (${seenIn})`).join(', ');
    lines.push(`  also      ${also}; the most explicit is taken. Another: --run COMMAND`);
  }
  lines.push(
    `  health    ${health.path}${health.seenIn === null ? ', no health check seen in the sources' : ` (${health.seenIn})`}`,
  );
  lines.push(`  listen    ${listen.port}${listen.isMoved ? ', as 8080 is taken here' : ''}`);
  if (chosen !== null) {
    lines.push(`  current   ${chosen.url}: ${chosen.seenIn}`);
    lines.push(
      `            chosen because ${current.why}; the first deploy is judged against it and can be taken back`,
    );
    if (chosen.passedFrom !== null)
      lines.push(`            then let ${chosen.passedFrom} pass to 127.0.0.1:${listen.port}`);
  } else if (current.why !== null) {
    lines.push(`  current   not proposed: ${current.why}`);
  }
  lines.push(...current.others.map((one) => `            also seen: ${one.url}, ${one.seenIn}`));
  lines.push(
    `  strategy  ${advice.strategy}${advice.preset === null ? '' : ` (${advice.preset})`}: ${advice.because}`,
  );
  lines.push(...application.notes.map((note) => `  note      ${note}`));
  if (proposal.siteChange !== null)
    lines.push(
      `change of ${proposal.siteChange.file}, which is yours to make once bascule serve runs and v1 is deployed (then: nginx -t && nginx -s reload):`,
      ...proposal.siteChange.diff.trimEnd().split('\n'),
    );
  return lines;
}
