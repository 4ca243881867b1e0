import { BlockList, isIPv6 } from 'node:net';

/** Tells which addresses are in one of these CIDR blocks. */
export function networksOf(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address, prefix] = block.split('/');
    list.addSubnet(address!, Number(prefix), isIPv6(address!) ? 'ipv6' : 'ipv4');
  }
  return list;
}
