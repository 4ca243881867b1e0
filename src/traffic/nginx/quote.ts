/**
 * A value as one parameter of a directive: whatever it holds, it cannot end the parameter, the directive or the block.
 * nginx knows `\"` and `\\` in a quoted parameter and leaves everything else as it is.
 */
export function quote(value: string): string {
  // eslint-disable-next-line no-control-regex -- finding them is the point
  if (/[\u0000-\u001f\u007f]/.test(value))
    throw new RangeError(`a control character cannot stand in nginx: ${JSON.stringify(value)}`);
  return `"${value.replaceAll('\\', String.raw`\\`).replaceAll('"', String.raw`\"`)}"`;
}

/** The same where nginx would take `$name` for a variable: it has no escape for the dollar, but a variable that holds one. */
export function quoteLiteral(value: string): string {
  return quote(value).replaceAll('$', '${bascule_dollar}');
}

/** A text as a pattern that matches it alone. */
export function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
