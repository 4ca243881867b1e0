/**
 * On every answer: it is no page, belongs in no frame, no cache and no other site, and is what its type says.
 * Source: OWASP REST Security Cheat Sheet, "Security Headers".
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** RFC 6797, where it came over TLS: half a year. */
export const STRICT_TRANSPORT = 'max-age=15768000';
