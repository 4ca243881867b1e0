import type { ConfigText } from './look.ts';
import type { NginxSite } from './nginx-site.ts';

/** A change of somebody's nginx configuration, for them to apply: nothing here does. */
export type SiteChange = {
  readonly file: string;
  /** A unified diff, as `patch` takes it. */
  readonly diff: string;
};

const CONTEXT = 3;

/** Lets the site pass to `port` of this machine instead of where it passes to. Null where its line is not as it was read. */
export function siteChange(
  files: readonly ConfigText[],
  { file, proxyPass }: NginxSite,
  port: number,
): SiteChange | null {
  const lines = files.find(({ path }) => path === file)?.text.split('\n') ?? [];
  // The target may stand on a line below its directive.
  const at = lines.findIndex((line, index) => index >= proxyPass.line - 1 && line.includes(proxyPass.target));
  if (at === -1) return null;
  const target = `http://127.0.0.1:${port}${proxyPass.path ?? ''}`;
  const changed = lines[at]!.replace(proxyPass.target, () => target);
  if (changed === lines[at]) return null;
  return { file, diff: diffOfLine(file, lines, at, changed) };
}

function diffOfLine(file: string, lines: readonly string[], at: number, changed: string): string {
  // A text that ends with a newline has no line behind it.
  const isEnded = lines.at(-1) === '';
  const count = isEnded ? lines.length - 1 : lines.length;
  const from = Math.max(0, at - CONTEXT);
  const to = Math.min(count, at + 1 + CONTEXT);
  const unended = isEnded ? '' : '\\ No newline at end of file\n';
  const shown = (index: number, mark: string, text: string): string =>
    `${mark}${text}\n${index === count - 1 ? unended : ''}`;
  const kept = (first: number, end: number): string =>
    lines
      .slice(first, end)
      .map((line, index) => shown(first + index, ' ', line))
      .join('');
  const range = `${from + 1},${to - from}`;
  return `--- ${file}\n+++ ${file}\n@@ -${range} +${range} @@\n${kept(from, at)}${shown(at, '-', lines[at]!)}${shown(at, '+', changed)}${kept(at + 1, to)}`;
}
