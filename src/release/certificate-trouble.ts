/** What is known of a certificate of a door. */
export type KnownCertificate = {
  readonly file: string;
  /** Until when the one in use is good, or null for none. */
  readonly notAfterMs: number | null;
  readonly problem: string | null;
  /** The proxy asks an authority for it itself. */
  readonly isAskedFor?: true;
};

export type CertificateTrouble = {
  readonly says: string;
  /** Clients are turned away, now or with the next change. */
  readonly isBad: boolean;
  readonly fix: string;
};

const DAY_MS = 86_400_000;
/** What renews certificates by itself does so a month ahead: with three weeks left, it did not. */
const SOON_DAYS = 21;

/** What is wrong with a certificate of a door, or null. */
export function certificateTrouble(
  { file, notAfterMs, problem, isAskedFor }: KnownCertificate,
  nowMs: number,
): CertificateTrouble | null {
  if (problem !== null) {
    const use = notAfterMs === null ? 'no HTTPS with it' : 'the former one stays in use';
    return {
      says: `${problem}: ${use}`,
      isBad: true,
      fix:
        isAskedFor === true
          ? 'let port 80 of each name lead to redirect-http here; apply with other names or another authority asks at once'
          : 'mend the files: they are read anew by themselves',
    };
  }
  if (notAfterMs === null) return null;
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
  if (days >= SOON_DAYS) return null;
  const fix =
    isAskedFor === true
      ? 'see proxy.log: it is renewed with a third of its life left, so that something is in the way'
      : 'renew it: files that are replaced are read anew by themselves';
  const until = new Date(notAfterMs).toISOString().slice(0, 10);
  return days < 0
    ? { says: `${file} ran out on ${until}`, isBad: true, fix }
    : { says: `${file} runs out on ${until}, in ${days} days`, isBad: false, fix };
}
