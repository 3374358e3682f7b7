// Reads `birdc show route for … all`: where BIRD has the route from that it has chosen.
export interface BirdRoute {
  readonly destination: string
  /** The protocol's name in the configuration. */
  readonly protocol: string
  /** `BGP`, `static`, `device`, `OSPF`… */
  readonly source: string
}

/** Undefined: BIRD has none for it. */
export function readBirdRoute(output: string): BirdRoute | undefined {
  if (!/^BIRD .* ready\.$/m.test(output)) throw new Error(`expected what BIRD says, and got ${JSON.stringify(output.slice(0, 80))}`)
  const lines = output.split('\n')
  // The one with the star is the one that counts.
  const chosen = lines.findIndex(line => /^\S+ +\w+ +\[.*\] \* /.test(line))
  const [, destination, protocol] = /^(\S+) +\w+ +\[(\S+) /.exec(lines[chosen] ?? '') ?? []
  if (destination === undefined || protocol === undefined) return undefined
  const type = lines.slice(chosen).find(line => /^\s+Type: /.test(line))
  const [, source] = /^\s+Type: (\S+)/.exec(type ?? '') ?? []
  if (source === undefined) throw new Error('expected a type of the route')
  return { destination, protocol, source }
}
