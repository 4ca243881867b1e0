import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../lib/errors.ts';
import type { TlsFiles } from '../../release/service.ts';

/** A certificate that can be served: its chain and key belong together. */
export type Certificate = {
  readonly files: TlsFiles;
  /** PEM. */
  readonly chain: string;
  /** PEM. */
  readonly key: string;
  /** Whom it is for, in lower case: `shop.example.com`, `*.example.com`, `192.0.2.1`. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

const MAX_FILE_BYTES = 1_048_576;

/** What the files hold, or why that cannot be served. One that has run out can: its clients decide. */
export function readCertificate(files: TlsFiles): Certificate | string {
  const chain = readPem(files.certificate);
  if (typeof chain !== 'string') return chain.problem;
  const key = readPem(files.key);
  if (typeof key !== 'string') return key.problem;
  const leaf = attempt(() => new X509Certificate(chain));
  if (typeof leaf === 'string') return `${files.certificate} holds no certificate in PEM (${leaf})`;
  const secret = attempt(() => createPrivateKey(key));
  if (typeof secret === 'string')
    return `${files.key} holds no private key in PEM without a password (${secret})`;
  if (!leaf.checkPrivateKey(secret)) return `the key in ${files.key} does not belong to ${files.certificate}`;
  const context = attempt(() => createSecureContext({ cert: chain, key }));
  if (typeof context === 'string') return `${files.certificate} cannot be served (${context})`;
  const [notBeforeMs, notAfterMs] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  return { files, chain, key, names: namesOf(leaf), notBeforeMs, notAfterMs };
}

/** Changes when either file does. */
export function stampOf({ certificate, key }: TlsFiles): string {
  return [certificate, key]
    .map((path) => {
      const seen = statSync(path, { throwIfNoEntry: false });
      return seen === undefined ? 'gone' : `${seen.ino}:${seen.size}:${seen.mtimeMs}`;
    })
    .join(' ');
}

function readPem(path: string): string | { readonly problem: string } {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) return { problem: `${path} is larger than any certificate (${size} bytes)` };
    return readFileSync(path, 'latin1');
  } catch (error) {
    return { problem: `${path} cannot be read (${messageOf(error)})` };
  }
}

function attempt<T extends object>(make: () => T): T | string {
  try {
    return make();
  } catch (error) {
    return messageOf(error);
  }
}

/** A certificate without alternative names is shown to nobody by name, unless its subject is one. */
function namesOf(leaf: X509Certificate): string[] {
  const alternatives = (leaf.subjectAltName ?? '').split(', ').flatMap((each) => {
    const found = /^(?:DNS|IP Address):([^"]+)$/.exec(each);
    return found === null ? [] : [found[1]!.toLowerCase()];
  });
  if (alternatives.length > 0) return alternatives;
  const subject = /^CN=(\S+)$/m.exec(leaf.subject);
  return subject === null ? [] : [subject[1]!.toLowerCase()];
}
