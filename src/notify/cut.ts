/** Text that a service would refuse for its length, shortened; never in the middle of a character. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const short = text.slice(0, most - 1);
  return `${/[\uD800-\uDBFF]$/u.test(short) ? short.slice(0, -1) : short}…`;
}
