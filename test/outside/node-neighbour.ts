/**
 * The IPv6 address that a node has on the wire of one of its pods, by the node's own /proc/net/route and
 * /proc/net/if_inet6. Throws where the node has no wire for that pod alone.
 */
export function nodeNeighbour(routes: string, addresses: string, pod: string): string {
  // In the byte order of the machine, which is that of all that the images are built for.
  const number = pod
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  const wire = routes
    .split('\n')
    .map((line) => line.split('\t'))
    .find(([, to]) => to === number)?.[0];
  const own = addresses
    .split('\n')
    .map((line) => line.split(/ +/))
    .find(([bytes, , , , , name]) => name === wire && bytes!.startsWith('fe80'));
  if (own === undefined) throw new Error(`the node has no address on a wire of ${pod}`);
  return own[0]!.match(/.{4}/g)!.join(':');
}
