// Reads /proc/net/snmp and /proc/net/netstat: pairs of lines, names and then numbers.

/** By names as `nstat` has them: `IpInAddrErrors`, `TcpExtIPReversePathFilter`. */
export type Counters = ReadonlyMap<string, number>

export function readCounters(output: string): Counters {
  const lines = output.split('\n').filter(line => line.includes(': ')).map(line => line.split(/[: ]+/))
  const counters = new Map<string, number>()
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [group = '', ...names] = lines[at] ?? []
    const [again, ...values] = lines[at + 1] ?? []
    if (group !== again || names.length !== values.length) throw new Error(`expected numbers for ${JSON.stringify(group.slice(0, 80))}`)
    for (const [index, name] of names.entries()) {
      const value = values[index] ?? ''
      if (!/^-?\d+$/.test(value)) throw new Error(`expected a number for ${JSON.stringify(name.slice(0, 80))}`)
      counters.set(group + name, Number(value))
    }
  }
  return counters
}
