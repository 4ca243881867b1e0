import { readFile, stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { messageOf, OperatingError } from '../lib/errors.ts';
import type { Diagnostic } from '../release/diagnostic.ts';
import type { ServiceSpec } from '../release/service.ts';
import type { Context } from './verb.ts';

export type SpecFile = {
  /** Absolute. */
  readonly path: string;
  readonly services: Readonly<Record<string, ServiceSpec>>;
};

/** The file is not right: everything that is wrong with it, to be shown with its places. */
export class InvalidFile extends OperatingError {
  readonly diagnostics: readonly Diagnostic[];

  constructor(file: string, diagnostics: readonly Diagnostic[]) {
    const [first] = diagnostics;
    const mistakes = diagnostics.length === 1 ? '1 mistake' : `${diagnostics.length} mistakes`;
    super(first?.code ?? 'E004', `${file} has ${mistakes}; nothing was done.`, {
      retryable: false,
    });
    this.diagnostics = diagnostics;
  }
}

const MOST_BYTES = 4 * 1024 * 1024;

/** Reads `--file`, `bascule.yaml` where it is not given. Errors: CONFIG_UNREADABLE, InvalidFile. */
export async function readSpecFile({ io, options }: Context): Promise<SpecFile> {
  const name = typeof options['file'] === 'string' ? options['file'] : 'bascule.yaml';
  const path = resolve(io.cwd, name);
  const text = await textOf(path, name);
  const { parseConfig } = await import('../release/parse.ts');
  const result = parseConfig(text, relative(io.cwd, path), io.env);
  if (!result.ok) throw new InvalidFile(name, result.diagnostics);
  return { path, services: result.config.services };
}

async function textOf(path: string, name: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is not a file');
    if (found.size > MOST_BYTES) throw new Error('it is larger than 4 MiB');
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not there' : messageOf(cause);
    throw new OperatingError(
      'CONFIG_UNREADABLE',
      `${name} cannot be read (${why}); nothing was done. Run the command where it is, or name it with --file.`,
      { retryable: false, cause },
    );
  }
}

/** The service that is named; where none is, the only one of the file. */
export function pickService(file: SpecFile, name: string | undefined, shown: string): ServiceSpec {
  const names = Object.keys(file.services);
  const found = name === undefined && names.length === 1 ? names[0] : name;
  if (found !== undefined && Object.hasOwn(file.services, found)) return file.services[found]!;
  const message =
    found === undefined
      ? `${shown} describes ${names.length} services; say which: ${names.join(', ')}`
      : `${shown} describes no service ${found}; it has: ${names.join(', ')}`;
  throw new OperatingError('USAGE', `${message}. Nothing was done.`, { retryable: false });
}
