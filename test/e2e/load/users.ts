/** A person's cookies, as a browser keeps them. */
export class User {
  readonly #cookies = new Map<string, string>();
  /** The Cookie header's line, or empty. */
  line = '';

  /** Takes what Set-Cookie headers say. Attributes other than an end of life are not looked at. */
  keep(setCookies: readonly string[]): void {
    for (const text of setCookies) {
      const [pair = '', ...attributes] = text.split(';');
      const at = pair.indexOf('=');
      const name = pair.slice(0, at).trim();
      const ended = attributes.some((attribute) => /^\s*max-age=(0|-\d+)\s*$/i.test(attribute));
      if (ended) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(at + 1).trim());
    }
    const pairs = [...this.#cookies].map(([name, value]) => `${name}=${value}`);
    this.line = pairs.length === 0 ? '' : `Cookie: ${pairs.join('; ')}\r\n`;
  }
}

/** A crowd of `count` people, besides newcomers who come once; each request is by one drawn at random. */
export class Users {
  readonly #people: readonly User[];
  readonly #newcomers: number;

  constructor(count: number, newcomers: number) {
    this.#people = Array.from({ length: count }, () => new User());
    this.#newcomers = newcomers;
  }

  pick(): User {
    if (this.#people.length === 0 || Math.random() < this.#newcomers) return new User();
    return this.#people[Math.floor(Math.random() * this.#people.length)]!;
  }
}
