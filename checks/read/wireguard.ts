// Reads what WIREGUARD prints: one section of `wg show all` after the other. The private key is in none of them.

/** For a place's exec. `wg show all dump` would be one command, and would show the private key. */
export const WIREGUARD: readonly string[] = ['sh', '-c', `for what in public-key listen-port peers endpoints allowed-ips latest-handshakes; do
  printf '\\n== %s\\n' $what
  wg show all $what || exit
done
date '+
== now%n%s'`]

export interface Peer {
  readonly publicKey: string
  /** `192.168.2.12:51820`; none: whoever has the key may speak first, from anywhere. */
  readonly endpoint: string | undefined
  /** What may come from this peer, and what goes to it. */
  readonly allowed: readonly string[]
  /** Seconds since the keys of now were agreed on; undefined: never. */
  readonly handshakeAge: number | undefined
}

export interface Tunnel {
  readonly name: string
  /** None as long as it has no private key. */
  readonly publicKey: string | undefined
  readonly port: number
  readonly peers: readonly Peer[]
}

export function readWireguard(output: string): readonly Tunnel[] {
  const sections = new Map<string, readonly (readonly string[])[]>()
  for (const section of output.split(/^== /m).slice(1)) {
    const [name = '', ...lines] = section.split('\n')
    sections.set(name.trim(), lines.filter(line => line.includes('\t') || /^\d+$/.test(line)).map(line => line.split('\t')))
  }
  const section = (name: string): readonly (readonly string[])[] => {
    const found = sections.get(name)
    if (found === undefined) throw new Error(`expected the section ${name}`)
    return found
  }
  const now = number(section('now')[0]?.[0], 'the time')
  /** What a section says of a peer of an interface. */
  const of = (name: string, link: string, peer: string): string | undefined =>
    section(name).find(([one, other]) => one === link && other === peer)?.[2]
  return section('public-key').map(([link = '', key = '']) => ({
    name: link,
    publicKey: isKey(key) ? key : undefined,
    port: number(section('listen-port').find(([one]) => one === link)?.[1], `the port of ${link}`),
    peers: section('peers').filter(([one, peer]) => one === link && isKey(peer ?? '')).map(([, peer = '']) => {
      const endpoint = of('endpoints', link, peer)
      const allowed = of('allowed-ips', link, peer)
      const handshake = number(of('latest-handshakes', link, peer) ?? '0', 'a handshake')
      return {
        publicKey: peer,
        endpoint: endpoint === undefined || endpoint === '(none)' ? undefined : endpoint,
        allowed: allowed === undefined || allowed === '(none)' ? [] : allowed.split(' '),
        handshakeAge: handshake === 0 ? undefined : Math.max(0, now - handshake),
      }
    }),
  }))
}

/** 32 bytes in base64. */
function isKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(text)
}

function number(text: string | undefined, name: string): number {
  if (text === undefined || !/^\d{1,12}$/.test(text)) throw new Error(`expected a number as ${name}, and got ${JSON.stringify(text?.slice(0, 40) ?? '')}`)
  return Number(text)
}
