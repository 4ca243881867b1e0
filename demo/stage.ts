import { stripVTControlCharacters, styleText } from 'node:util';

/** How the demo looks: wrapped to the terminal, with a line at the bottom that moves while it waits. */

const { stdout } = process;
const colour = stdout.isTTY && process.env['NO_COLOR'] === undefined;
const MARGIN = '   ';
const MOST_COLUMNS = 100;
/** Off a terminal a line that moves would fill the log: one is printed where nothing else was for so long. */
const SILENCE_MS = 5000;

let silent = false;
let liveShown = false;
let lastPrintMs = performance.now();

/** Columns that text may fill, the margin taken off. */
export function columns(): number {
  return Math.max(40, Math.min(stdout.columns ?? MOST_COLUMNS, MOST_COLUMNS)) - MARGIN.length;
}

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return colour ? styleText(style, text, { validateStream: false }) : text;
}

function write(text: string): void {
  if (silent) return;
  stdout.write(`${liveShown ? '\r\u001b[K' : ''}${text}\n`);
  liveShown = false;
  lastPrintMs = performance.now();
}

/** A chapter of the story. */
export function chapter(title: string, ...explanation: readonly string[]): void {
  const rule = '─'.repeat(Math.max(0, columns() - title.length - 1));
  write(`\n${paint(['bold', 'cyan'], `── ${title} `)}${paint('cyan', rule)}`);
  for (const line of explanation.flatMap((text) => wrapped(text, 0))) write(paint('dim', MARGIN + line));
}

export function command(line: string): void {
  write(`\n${paint('dim', ' $')} ${paint('bold', line)}`);
}

/** A line that a command printed. What does not fit goes on below the words, not below the time. */
export function output(line: string): void {
  const indent = /^(?:\d\d:\d\d:\d\d r-[0-9a-f]+ |\s*)/u.exec(line)?.[0].length ?? 0;
  for (const part of wrapped(line, indent)) write(MARGIN + highlight(line, part));
}

export function good(line: string): void {
  marked(paint(['bold', 'green'], '✔'), line);
}

export function bad(line: string): void {
  marked(paint(['bold', 'red'], '✖'), line);
}

export function plain(line: string): void {
  for (const part of wrapped(line, 0)) write(`${MARGIN}${part}`.trimEnd());
}

/** What is true just now; drawn anew in its place. */
export function live(line: string): void {
  if (silent) return;
  const text = line.slice(0, columns() - 1);
  if (stdout.isTTY) {
    stdout.write(`\r${MARGIN}${paint('yellow', text)}\u001b[K`);
    liveShown = true;
  } else if (performance.now() - lastPrintMs > SILENCE_MS) plain(text);
}

/** Takes the moving line away. */
export function still(): void {
  if (liveShown) stdout.write('\r\u001b[K');
  liveShown = false;
}

/** Nothing is printed any more. */
export function silence(): void {
  still();
  silent = true;
}

function marked(mark: string, line: string): void {
  for (const [index, part] of wrapped(`  ${line}`, 2).entries())
    write(`${MARGIN}${index === 0 ? `${mark} ${part.slice(2)}` : part}`);
}

/** Broken at spaces so that it fits; `indent` columns stand before every line but the first. */
function wrapped(text: string, indent: number): readonly string[] {
  const width = columns();
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const at = space > indent ? space : width;
    lines.push(rest.slice(0, at));
    rest = ' '.repeat(indent) + rest.slice(at).trimStart();
  }
  return [...lines, rest].map((line) => stripVTControlCharacters(line));
}

function highlight(whole: string, part: string): string {
  if (/ROLLED BACK|rolled-back|NEVER READY|✖/u.test(whole)) return paint('red', part);
  if (/PROMOTED|DONE|100% on /u.test(whole)) return paint('green', part);
  return part;
}
