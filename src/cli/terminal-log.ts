import type { Log } from '../controller/ports.ts';
import { clockTime, headOf } from './format.ts';

type Level = 'info' | 'warn' | 'error';
type Fields = Readonly<Record<string, unknown>>;

/** The log of a server that somebody watches in a terminal; elsewhere it is JSON, with every field. */
export function terminalLog(write: (line: string) => void, nowMs: () => number, timeZone?: string): Log {
  const at = (level: Level) => (fields: Fields, message: string) => {
    const line = terminalLine(level, fields, message);
    if (line !== null) write(`${clockTime(nowMs(), timeZone)} ${line}\n`);
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

/** Whom it is about, then what happened; null where nothing but the kind of an event could be said. */
function terminalLine(level: Level, fields: Fields, message: string): string | null {
  const { kind, err } = fields;
  if (level === 'info' && kind === message) return null;
  const about = [fields['service'], fields['rollout']].filter((name) => typeof name === 'string').map(headOf);
  const loud = level === 'info' ? [] : [`${level}:`];
  const stack = err instanceof Error ? `\n${err.stack ?? err.message}` : '';
  return [...about, ...loud, `${headOf(message)}${stack}`].join(' ');
}
