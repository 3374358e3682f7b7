import type { Check } from '../runner/core/bench.ts'
import { broadcastOf, contains, formatAddress, networkOf, parseAddress, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { quoted } from '../runner/core/quoted.ts'
import { allNamespaces, holders } from './ends.ts'
import { unable } from './tool.ts'

export interface PoolFile {
  readonly on: string
  /** One line, `192.168.1.240-192.168.1.250`. */
  readonly file: string
  /** The wire whose machines ask for these addresses. */
  readonly within: string
  /** One that is given away already, and may be somebody's. */
  readonly given: string
}

/** `the pool in /etc/pool on node1 has 192.168.1.240 in it, lies in 192.168.1.0/24, and no machine has an address of it as its own` */
export function poolIsFree({ on, file, within, given }: PoolFile): Check {
  const range = parseCidr(within)
  if (range === undefined) throw new Error(`expected a range, for example 192.168.1.0/24, and got ${within}`)
  return {
    claim: `the pool in ${file} on ${on} lies in ${within}, has ${given} in it, and no address that is a machine's own`,
    look: async bench => {
      const [read, namespaces] = await Promise.all([bench.place(on).exec(['sh', '-c', '[ -e "$0" ] || exit 3; cat "$0"', file]), allNamespaces(bench)])
      if (read.exitCode === 3) return fail(`${on} has no file ${file}`, read)
      if (read.exitCode !== 0) throw unable(read)
      const [, from = '', to = ''] = /^([\d.]+)-([\d.]+)$/.exec(read.stdout.trim()) ?? []
      const [first, last] = [parseAddress(from), parseAddress(to)]
      if (first === undefined || last === undefined || last < first) return fail(`${file} says ${quoted(read.stdout.trim())}, and not one range such as 192.168.1.240-192.168.1.250`, read)
      for (const [text, number] of [[from, first], [to, last]] as const) {
        if (!contains(range, number)) return fail(`${text} is not in ${within}: nobody there asks who has it, but sends it to a router`, read)
        if (number === networkOf(range) || number === broadcastOf(range)) return fail(`${text} is no address of a machine: with it ${within} means ${number === networkOf(range) ? 'itself' : 'everybody'}`, read)
      }
      const inPool = (address: string): boolean => (parseAddress(address) ?? 0) >= first && (parseAddress(address) ?? 0) <= last
      for (let number = first; number <= last; number++) {
        const address = formatAddress(number)
        const [holder] = address === given ? [] : holders(namespaces, address)
        if (holder !== undefined) return fail(`${address} is in the pool, and is ${holder.namespace.place.name}'s own (${holder.link.name})`, read, holder.namespace.evidence)
      }
      return inPool(given) ? pass(read) : fail(`${given}, which is given away already, is not in ${read.stdout.trim()}`, read)
    },
  }
}
