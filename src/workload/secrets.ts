import { createHash, createHmac } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatingError } from '../lib/errors.ts';
import { canonicalJson } from '../lib/json.ts';
import type { EnvValue } from '../release/service.ts';

export type SecretResolver = {
  /**
   * The environment with every secret's value, read anew. Never log or store the result.
   * Errors: WORKLOAD_SECRET_MISSING, WORKLOAD_SECRET_UNSAFE. No message holds a value.
   */
  resolve(environment: Readonly<Record<string, EnvValue>>): Promise<Record<string, string>>;
  /** sha256 hex over names, plain values and an HMAC of each secret's value. Errors as for `resolve`. */
  digest(environment: Readonly<Record<string, EnvValue>>): Promise<string>;
};

export type SecretOptions = {
  /** One file per secret, 0400 or 0600, owned by the server's user. */
  readonly dir: string;
  /** Names that `secret: env:NAME` may take from the server's own environment. */
  readonly allowedEnv: readonly string[];
  readonly environ: Readonly<Record<string, string | undefined>>;
  /** Key of the digest: without it, a digest would let short secrets be guessed. */
  readonly digestKey: Uint8Array;
};

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const LARGEST_BYTES = 64 * 1024;

export function secretResolver(options: SecretOptions): SecretResolver {
  return {
    async resolve(environment) {
      const entries = Object.entries(environment).map(
        async ([name, value]) => [name, await valueOf(value)] as const,
      );
      return Object.fromEntries(await Promise.all(entries));
    },
    async digest(environment) {
      const entries = Object.entries(environment).map(async ([name, value]) => {
        const resolved = await valueOf(value);
        const shown =
          value.kind === 'plain'
            ? { plain: resolved }
            : { secret: createHmac('sha256', options.digestKey).update(resolved).digest('hex') };
        return [name, shown] as const;
      });
      const text = canonicalJson(Object.fromEntries(await Promise.all(entries)));
      return createHash('sha256').update(text).digest('hex');
    },
  };

  async function valueOf(value: EnvValue): Promise<string> {
    if (value.kind === 'plain') return value.value;
    const text =
      value.from === 'env' ? fromEnvironment(value.name, options) : await fromFile(value.name, options.dir);
    // An environment cannot hold a NUL, and Node would put the value into its error message.
    if (text.includes('\0'))
      throw unsafe(`secret ${value.from}:${value.name} holds a NUL byte`, 'Store it as text');
    return text;
  }
}

function fromEnvironment(name: string, options: SecretOptions): string {
  if (!options.allowedEnv.includes(name)) {
    throw missing(
      `Secret env:${name} may not be read: it is not on the server's list of allowed environment names.`,
      `Add ${name} to that list in the server's file and restart the server, or use file:${name}.`,
    );
  }
  const value = options.environ[name];
  if (value === undefined || value === '') {
    throw missing(
      `Secret env:${name} is not set in the server's environment.`,
      `Set it where the server is started and restart the server.`,
    );
  }
  return value;
}

async function fromFile(name: string, dir: string): Promise<string> {
  if (!NAME.test(name)) {
    throw unsafe(
      `the name in secret file:${name} is not a plain file name`,
      `Use letters, digits, ".", "_" and "-"`,
    );
  }
  const path = join(dir, name);
  const file = await openSecret(path, name);
  try {
    const stat = await file.stat();
    const mode = stat.mode & 0o777;
    if (!stat.isFile()) throw unsafe(`${path} is not a regular file`, 'Replace it by one');
    if (stat.uid !== process.geteuid!()) {
      throw unsafe(
        `${path} belongs to uid ${stat.uid}, not to the server's user`,
        `Run: chown ${process.geteuid!()} ${path}`,
      );
    }
    if (mode !== 0o400 && mode !== 0o600) {
      throw unsafe(
        `${path} has mode 0${mode.toString(8)}, which lets others read it`,
        `Run: chmod 0400 ${path}`,
      );
    }
    if (stat.size > LARGEST_BYTES)
      throw unsafe(`${path} is larger than 64 KiB`, 'Let the service read it itself');
    return decode(await file.readFile(), path, name);
  } finally {
    await file.close();
  }
}

async function openSecret(path: string, name: string): ReturnType<typeof open> {
  try {
    // A link could lead to a file that another user chose; a FIFO would block for ever.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw unsafe(`${path} is a symbolic link`, 'Replace it by the file itself');
    const found = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`;
    throw missing(
      `Secret file:${name}: ${path} ${found}.`,
      `Store it on the server: install -m 0400 /dev/stdin ${path}, paste the value, end with Ctrl-D.`,
    );
  }
}

function decode(bytes: Uint8Array, path: string, name: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unsafe(`${path} is not UTF-8 text`, 'Encode it, as base64 for example');
  }
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw missing(`Secret file:${name}: ${path} is empty.`, 'Write the value into it.');
  return value;
}

function missing(what: string, fix: string): OperatingError {
  return new OperatingError('WORKLOAD_SECRET_MISSING', `${what} ${fix}`, { retryable: false });
}

function unsafe(what: string, fix: string): OperatingError {
  return new OperatingError('WORKLOAD_SECRET_UNSAFE', `Not used: ${what}. ${fix}.`, { retryable: false });
}
