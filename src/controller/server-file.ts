import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { loginEntry, type OidcLogin } from '../release/login.ts';
import { channels, type ChannelConnection } from '../release/notify-channel.ts';
import { sources, type SourceConnection } from '../release/source-connection.ts';
import type { FreezeRule } from './calendar.ts';
import { freezeEntry } from './freeze-entry.ts';
import { listenerEntry, type Listener } from './listener-entry.ts';

/** What only the server decides: its own file, read by `serve` alone. */
export type ServerFile = {
  /** Ports handed out to slots, both ends included. */
  readonly slotPorts: { readonly from: number; readonly to: number };
  /** Worker processes of the built-in proxy, or null for one per core, at most four. */
  readonly proxyWorkers: number | null;
  /** Users that `user:` may name. Never root. */
  readonly allowedUsers: readonly string[];
  /** Variables of the server's environment that `secret: env:NAME` may name. */
  readonly allowedEnv: readonly string[];
  /** Promoted releases kept per service, besides those in use. */
  readonly keepReleases: number;
  /** Command that does what needs root for the machine's nginx, or null where the server may do it itself. */
  readonly nginxHelper: readonly string[] | null;
  readonly freezes: readonly FreezeRule[];
  /** Where the API answers besides its sockets. */
  readonly listeners: readonly Listener[];
  /** What measures may ask, by name, each once. */
  readonly sources: readonly SourceConnection[];
  /** Where people are told about rollouts, by name, each once. */
  readonly notify: readonly ChannelConnection[];
  /** Who vouches for people in the dashboard, besides tokens; null: nobody. */
  readonly oidc: OidcLogin | null;
};

const portRange = z
  .string()
  .regex(/^\d+-\d+$/u, 'a range of ports such as 8200-8999')
  .transform((text) => {
    const [from, to] = text.split('-').map(Number) as [number, number];
    return { from, to };
  })
  .refine(({ from, to }) => from >= 1 && from <= to && to <= 65_535, 'a growing range within 1 to 65535');

const schema = z.strictObject({
  'slot-ports': portRange.default({ from: 8200, to: 8999 }),
  'proxy-workers': z.int().min(1).max(64).nullable().default(null),
  'allowed-users': z
    .array(
      z
        .string()
        .regex(/^[a-z_][a-z0-9_-]*$/u)
        .refine((name) => name !== 'root', 'never root'),
    )
    .default([]),
  'allowed-env': z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/u)).default([]),
  'keep-releases': z.int().min(1).max(100).default(5),
  'nginx-helper': z.array(z.string().min(1)).min(1).max(8).nullable().default(null),
  freezes: z.array(freezeEntry).max(100).default([]),
  listeners: z.array(listenerEntry).max(8).default([]),
  sources: sources.optional(),
  notify: channels.optional(),
  login: loginEntry.optional(),
});

/** Where it stands; null: there is none. */
export function serverFileOf(stateDir: string, configFile: string | null): string | null {
  const path = configFile ?? join(stateDir, 'server.yaml');
  return configFile !== null || existsSync(path) ? path : null;
}

/** `server.yaml` of the state directory, which need not be there, or the file that was named. Error: SERVER_FILE_INVALID. */
export function readServerFile(stateDir: string, configFile: string | null): ServerFile {
  const path = configFile ?? join(stateDir, 'server.yaml');
  try {
    const text = serverFileOf(stateDir, configFile) === null ? '' : readFileSync(path, 'utf8');
    return parseServerFile(text, path);
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    throw new OperatingError(
      'SERVER_FILE_INVALID',
      `${path} cannot be read, so the server did not start: ${messageOf(error)}`,
      { retryable: false, cause: error },
    );
  }
}

/** Reads the text of a server file; empty text gives the defaults. Error: SERVER_FILE_INVALID with every mistake. */
export function parseServerFile(text: string, file: string): ServerFile {
  const { value, lineOf } = yamlOf(text, file);
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(
      ({ path, message }) => `  ${path.join('.') || '(file)'}${atLine(lineOf(path))}: ${message}`,
    );
    throw invalid(file, `\n${mistakes.join('\n')}`);
  }
  const { data } = parsed;
  return {
    slotPorts: data['slot-ports'],
    proxyWorkers: data['proxy-workers'],
    allowedUsers: data['allowed-users'],
    allowedEnv: data['allowed-env'],
    keepReleases: data['keep-releases'],
    nginxHelper: data['nginx-helper'],
    listeners: data.listeners,
    sources: data.sources ?? [],
    notify: data.notify ?? [],
    oidc: data.login?.oidc ?? null,
    freezes: data.freezes.map((rule, index) => ({
      ...rule,
      place: `${file}${atLine(lineOf(['freezes', index]))}`,
    })),
  };
}

type Path = readonly PropertyKey[];

/** The value, and the line on which a part of it stands (from 1; null where that cannot be said). */
function yamlOf(
  text: string,
  file: string,
): { readonly value: unknown; readonly lineOf: (path: Path) => number | null } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(file, ` ${error.message}`);
  const lineOf = (path: Path): number | null => {
    const node: unknown = path.length === 0 ? null : document.getIn(path, true);
    const { range } = (node ?? {}) as { readonly range?: readonly [number, number, number] };
    return range === undefined ? null : lines.linePos(range[0]).line;
  };
  return { value: document.toJS() ?? {}, lineOf };
}

function atLine(line: number | null): string {
  return line === null ? '' : ` line ${line}`;
}

function invalid(file: string, what: string): OperatingError {
  return new OperatingError(
    'SERVER_FILE_INVALID',
    `${file} cannot be used, so the server did not start:${what}`,
    { retryable: false },
  );
}
