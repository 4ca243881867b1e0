/** Certificates that the proxy asks for itself (RFC 8555), and whom it asks. */
export type AcmeSpec = {
  /** Whom the authority may write to, or null. */
  readonly email: string | null;
  /** Address of the authority's directory: https. */
  readonly directory: string;
  /** PEM file with the root of the authority's own HTTPS, where the system does not know it; or null. */
  readonly authority: string | null;
};

export const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
/** What stands in a request of an authority's: no name, password, query or fragment. */
export const DIRECTORY =
  /^https:\/\/(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)*\/?$/;
export const EMAIL = /^(?=.{3,254}$)[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
