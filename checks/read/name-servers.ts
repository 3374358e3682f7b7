// Reads /etc/resolv.conf: whom a resolver asks, in order.

export function readNameServers(text: string): readonly string[] {
  return text.split('\n').flatMap(line => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
}
