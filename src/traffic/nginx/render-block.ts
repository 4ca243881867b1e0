export function block(head: string, body: string): string {
  const inner = body
    .split('\n')
    .map((line) => (line === '' ? '' : `    ${line}`))
    .join('\n');
  return `${head} {\n${inner}}\n`;
}
