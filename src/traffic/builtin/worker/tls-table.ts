import { type SecureContext, createSecureContext } from 'node:tls';
import type { Certificate } from '../certificate.ts';

/** What every handshake keeps to: TLS 1.2 with forward secrecy and authenticated ciphers, or 1.3. */
export const TLS_LIMITS = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
} as const;

/** Which certificate is shown to whom, on one listener. */
export class TlsTable {
  readonly #all: readonly Certificate[];
  readonly #byName = new Map<string, Certificate[]>();
  readonly #contexts = new Map<string, SecureContext>();

  /** The first one is shown to clients that name nobody, or somebody unknown. */
  constructor(certificates: readonly Certificate[]) {
    this.#all = certificates;
    for (const certificate of certificates) {
      for (const name of certificate.names) {
        const named = this.#byName.get(name);
        if (named === undefined) this.#byName.set(name, [certificate]);
        else named.push(certificate);
      }
    }
  }

  /** Options of the context for those who name nobody; empty while there is no certificate. */
  get unnamed(): { readonly cert?: string; readonly key?: string } {
    const [first] = this.#all;
    return first === undefined ? {} : { cert: first.chain, key: first.key };
  }

  /** Undefined: the one for those who name nobody. */
  contextFor(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    const wildcard = `*${name.slice(name.indexOf('.'))}`;
    const key = this.#byName.has(name) ? name : wildcard;
    const certificates = this.#byName.get(key);
    if (certificates === undefined) return undefined;
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = contextOf(certificates);
      this.#contexts.set(key, context);
    }
    return context;
  }
}

/** One name may have a certificate for each kind of key: clients say which they can check. */
function contextOf(certificates: readonly Certificate[]): SecureContext {
  return createSecureContext({
    ...TLS_LIMITS,
    cert: certificates.map(({ chain }) => chain),
    key: certificates.map(({ key }) => key),
  });
}
