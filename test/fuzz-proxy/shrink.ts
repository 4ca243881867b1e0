/** Tries at most; each is a conversation with a real proxy. */
const TRIES = 400;

/** Takes pieces out for as long as it still fails: halves first, then ever smaller ones. */
export async function shrunk(text: string, fails: (text: string) => Promise<boolean>): Promise<string> {
  let found = text;
  let tries = 0;
  for (let size = Math.ceil(found.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < found.length && tries < TRIES; tries += 1) {
      const less = found.slice(0, at) + found.slice(at + size);
      if (await fails(less)) found = less;
      else at += size;
    }
  }
  return found;
}
