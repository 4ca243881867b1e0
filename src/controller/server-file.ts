import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, OperatingError } from '../lib/errors.ts';

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
});

/** Reads the text of a server file; empty text gives the defaults. Error: SERVER_FILE_INVALID with every mistake. */
export function parseServerFile(text: string, file: string): ServerFile {
  const parsed = schema.safeParse(yamlOf(text, file));
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(
      (issue) => `  ${issue.path.join('.') || '(file)'}: ${issue.message}`,
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
  };
}

function yamlOf(text: string, file: string): unknown {
  try {
    return parse(text) ?? {};
  } catch (error) {
    throw invalid(file, ` ${messageOf(error)}`);
  }
}

function invalid(file: string, what: string): OperatingError {
  return new OperatingError(
    'SERVER_FILE_INVALID',
    `${file} cannot be used, so the server did not start:${what}`,
    { retryable: false },
  );
}
