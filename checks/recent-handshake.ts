import { setTimeout as after } from 'node:timers/promises'
import type { Bench, Check } from '../runner/core/bench.ts'
import { formatAddress, networkOf, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import type { Peer, Tunnel } from './read/wireguard.ts'
import { tunnelsOf } from './tunnels-of.ts'

/** A session is thrown away when it is this old. */
const SESSION_S = 180
/** From here on whoever has something to send agrees on a new one; the old one is good meanwhile. */
const AGING_S = 120
/** Two packets, and two programs that compute. */
const SHAKEN_MS = 500
const AGAIN_MS = 50

/**
 * `node1 and node2 have agreed on keys in the last three minutes, each with the very key of the other`. Who has nothing
 * to send shakes no hands: where it is too long ago, the look sends one packet into the tunnel from each side.
 */
export function recentHandshake(one: string, other: string): Check {
  return {
    claim: `${one} and ${other} have shaken hands in the last three minutes, each with the other's own key`,
    look: async bench => {
      let seen = await both(bench, one, other)
      // One after the other: two who both begin may talk past each other, and each then waits for five seconds.
      for (const side of seen.aging ? seen.sides : []) {
        await knock(bench, side)
        const until = performance.now() + SHAKEN_MS
        do seen = await both(bench, one, other, true)
        while (seen.aging && performance.now() < until && await after(AGAIN_MS, true))
        if (!seen.aging) break
      }
      return seen.fresh ? pass(...seen.evidence) : fail(seen.because ?? why(seen.sides), ...seen.evidence)
    },
  }
}

interface Side {
  readonly node: string
  readonly other: string
  readonly tunnel: Tunnel
  /** The other, as this one knows it. */
  readonly peer: Peer
  /** Where the other listens. */
  readonly port: number
}

interface Seen {
  readonly fresh: boolean
  /** They can shake hands, and it is time to. */
  readonly aging: boolean
  /** Why they cannot, if that is seen before anything is sent. */
  readonly because: string | undefined
  readonly sides: readonly Side[]
  readonly evidence: NonEmpty<Evidence>
}

async function both(bench: Bench, one: string, other: string, again = false): Promise<Seen> {
  const [first, second] = await Promise.all([one, other].map(node => tunnelsOf(bench, node, { again })))
  if (first === undefined || second === undefined) throw new Error('two nodes were asked')
  const evidence = [first.evidence, second.evidence] as const
  const never = (because: string): Seen => ({ fresh: false, aging: false, because, sides: [], evidence })
  const [ours, theirs] = [first.value, second.value].map(tunnels => tunnels.filter(({ publicKey }) => publicKey !== undefined))
  if (ours === undefined || ours.length === 0) return never(`${one} has no WireGuard interface with a key`)
  if (theirs === undefined || theirs.length === 0) return never(`${other} has no WireGuard interface with a key`)
  const knowing = (from: readonly Tunnel[], to: readonly Tunnel[], node: string, name: string): Side | undefined => {
    for (const tunnel of from) {
      for (const { publicKey, port } of to) {
        const peer = tunnel.peers.find(known => known.publicKey === publicKey)
        if (peer !== undefined) return { node, other: name, tunnel, peer, port }
      }
    }
    return undefined
  }
  const there = knowing(ours, theirs, one, other)
  if (there === undefined) return never(stranger(one, other, ours, theirs))
  const back = knowing(theirs, ours, other, one)
  if (back === undefined) return never(stranger(other, one, theirs, ours))
  const sides = [there, back]
  const younger = (seconds: number): boolean => sides.every(({ peer: { handshakeAge } }) => handshakeAge !== undefined && handshakeAge < seconds)
  return { fresh: younger(SESSION_S), aging: !younger(AGING_S), because: undefined, sides, evidence }
}

function stranger(node: string, other: string, own: readonly Tunnel[], others: readonly Tunnel[]): string {
  const key = others[0]?.publicKey ?? ''
  const peers = own.flatMap(tunnel => tunnel.peers)
  if (own.some(({ publicKey }) => others.some(one => one.publicKey === publicKey))) return `${node} and ${other} have one private key: to WireGuard they are one and the same`
  return peers.length === 0
    ? `${node} knows no peer; ${other}'s public key is ${key}`
    : `${node} does not know ${other}'s public key, ${key}; the peers that it knows are ${peers.map(peer => peer.publicKey).join(' and ')}`
}

/** One packet to an address that is the peer's, if there is one. Nobody has to answer it. */
async function knock(bench: Bench, { node, tunnel, peer }: Side): Promise<void> {
  const range = peer.allowed.map(parseCidr).find(cidr => cidr !== undefined)
  if (range === undefined) return
  const address = formatAddress(range.prefix === 32 ? range.address : networkOf(range) + 1)
  await bench.place(node).exec(['ping', '-n', '-q', '-c', '1', '-W', '0.1', '-I', tunnel.name, address])
}

/** What each of the two knows, where they do not find each other. */
function why(sides: readonly Side[]): string {
  const late = sides.map(({ node, other, tunnel, peer, port }) => {
    const { handshakeAge: age, endpoint } = peer
    const since = age === undefined ? 'never' : `${age} s ago`
    const at = endpoint === undefined ? `it has no endpoint for ${other}` : `it sends to ${endpoint}`
    const deaf = endpoint !== undefined && !endpoint.endsWith(`:${port}`) ? `, and ${other} listens on ${port}` : ''
    const empty = peer.allowed.length === 0 ? `, and no address is ${other}'s` : ''
    return `${node} has last shaken hands with ${other} ${since}: ${tunnel.name} is there, ${at}${deaf}${empty}`
  })
  return late.join('; ')
}
