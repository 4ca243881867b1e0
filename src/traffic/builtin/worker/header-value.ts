/** Several fields of one name as one, as HTTP has it (RFC 9110, section 5.3); null for none. `lower`: its name in lower case. */
export function headerOf(rawHeaders: readonly string[], lower: string): string | null {
  let found: string | null = null;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== lower.length || name.toLowerCase() !== lower) continue;
    found = found === null ? rawHeaders[i + 1]! : `${found}, ${rawHeaders[i + 1]}`;
  }
  return found;
}
