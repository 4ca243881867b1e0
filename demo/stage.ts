import { styleText } from 'node:util';

const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return colour ? styleText(style, text, { validateStream: false }) : text;
}

/** A chapter of the story. */
export function chapter(title: string, ...explanation: readonly string[]): void {
  process.stdout.write(
    `\n${paint(['bold', 'cyan'], `── ${title} `)}${paint('cyan', '─'.repeat(Math.max(0, 76 - title.length)))}\n`,
  );
  for (const line of explanation) process.stdout.write(`${paint('dim', `   ${line}`)}\n`);
}

export function command(line: string): void {
  process.stdout.write(`\n${paint('dim', ' $')} ${paint('bold', line)}\n`);
}

/** A line that a command printed. */
export function output(line: string): void {
  process.stdout.write(`   ${highlight(line)}\n`);
}

export function good(line: string): void {
  process.stdout.write(`   ${paint(['bold', 'green'], '✔')} ${line}\n`);
}

export function bad(line: string): void {
  process.stdout.write(`   ${paint(['bold', 'red'], '✖')} ${line}\n`);
}

export function plain(line: string): void {
  process.stdout.write(`   ${line}\n`);
}

function highlight(line: string): string {
  if (/ROLLED BACK|rolled-back|NEVER READY/u.test(line)) return paint('red', line);
  if (/PROMOTED|DONE|100% on /u.test(line)) return paint('green', line);
  return line;
}
